import { CompiledQuery, type Kysely, type QueryResult, type RawBuilder, sql } from 'kysely'
import type { Engine } from '../../database/url.ts'

/** A value of a row as it goes into a table. */
export type Cell = number | string | Buffer | null

/** A table that rows are added to in bulk: its columns, and what PostgreSQL calls their types. */
export interface BulkTable {
  readonly name: string
  readonly columns: readonly (readonly [name: string, type: 'bigint' | 'int' | 'text' | 'bytea'])[]
}

/** What the two engines spell differently. */
export interface Dialect {
  readonly engine: Engine
  /** Microseconds since the epoch, by the database's clock. */
  readonly nowUs: RawBuilder<number>
  /** Behind a select: the row found is not deleted before this transaction ends. */
  readonly keep: RawBuilder<unknown>
  /** Behind `SELECT`: tables are joined in the order in which they are named. PostgreSQL needs no telling. */
  readonly inOrder: RawBuilder<unknown>
  /** That `e.server` begins as this one does: what its index has, besides that they are equal. */
  serverBegins(server: Buffer): RawBuilder<unknown>
  /** `column IN (values)`; there must be some. */
  isOneOf(column: string, values: readonly Cell[]): RawBuilder<boolean>
  /** Adds rows in one statement, in their order; `tail` follows it in the engine's own words. There must be some. */
  insert(db: Kysely<unknown>, table: BulkTable, rows: readonly (readonly Cell[])[], tail?: string): Promise<QueryResult<unknown>>
  /** Adds those rows whose key is not there yet, waiting for who is about to add one of the same. Answers how many. There must be some. */
  insertNew(db: Kysely<unknown>, table: BulkTable, rows: readonly (readonly Cell[])[], key: string): Promise<number>
  /** How far apart the numbers are that one statement's rows are given: more than 1 on Galera. */
  readonly numberStep: RawBuilder<number>
  /** `insert` for a table that numbers its rows by itself; answers the numbers, in the order of the rows. */
  insertNumbered(
    db: Kysely<unknown>,
    table: BulkTable,
    rows: readonly (readonly Cell[])[],
    numbered: { readonly by: string; readonly step: number },
  ): Promise<readonly number[]>
  /** The tail that leaves rows alone whose key is there already. */
  orIgnore(table: BulkTable, key: string): string
  /** The tail for `repeats` that adds to what was counted. */
  readonly orCount: string
  /** The tail that overwrites these columns where the key is there already. */
  orReplace(key: string, columns: readonly string[]): string
}

/** MySQL takes rows as nested lists, which the driver writes into the statement. */
const MYSQL: Dialect = {
  engine: 'mysql',
  nowUs: sql<number>`CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)`,
  keep: sql`LOCK IN SHARE MODE`,
  inOrder: sql`STRAIGHT_JOIN`,
  serverBegins: () => sql`TRUE`,
  isOneOf: (column, values) => sql<boolean>`${sql.ref(column)} IN (${values})`,
  insert: (db, { name, columns }, rows, tail = '') => {
    const names = columns.map(([column]) => column).join(', ')
    return db.executeQuery(CompiledQuery.raw(`INSERT INTO ${name} (${names}) VALUES ? ${tail}`, [rows]))
  },
  // The driver has the server count rows that are there already as well, except with IGNORE.
  insertNew: async (db, { name, columns }, rows) => {
    const names = columns.map(([column]) => column).join(', ')
    const { numAffectedRows } = await db.executeQuery(CompiledQuery.raw(`INSERT IGNORE INTO ${name} (${names}) VALUES ?`, [rows]))
    return Number(numAffectedRows ?? 0n)
  },
  numberStep: sql<number>`@@auto_increment_increment`,
  insertNumbered: async (db, table, rows, { step }) => {
    const { insertId = 0n } = await MYSQL.insert(db, table, rows)
    return rows.map((_, i) => Number(insertId) + i * step)
  },
  orIgnore: ({ columns: [first] }) => `ON DUPLICATE KEY UPDATE ${first?.[0]} = ${first?.[0]}`,
  orCount: 'ON DUPLICATE KEY UPDATE times = times + VALUES(times), last_at = GREATEST(last_at, VALUES(last_at))',
  orReplace: (_key, columns) => `ON DUPLICATE KEY UPDATE ${columns.map((name) => `${name} = VALUES(${name})`).join(', ')}`,
}

/** PostgreSQL takes a list for each column: one statement for any number of rows. */
const POSTGRESQL: Dialect = {
  engine: 'postgresql',
  nowUs: sql<number>`(extract(epoch from clock_timestamp()) * 1000000)::bigint`,
  keep: sql`FOR KEY SHARE`,
  inOrder: sql``,
  serverBegins: (server) => sql`substring(e.server FROM 1 FOR 16) = ${server.subarray(0, 16)}`,
  isOneOf: (column, values) => sql<boolean>`${sql.ref(column)} = ANY(${values})`,
  insert: (db, { name, columns }, rows, tail = '') => {
    const names = columns.map(([column]) => column).join(', ')
    const lists = columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')
    const values = columns.map((_, i) => rows.map((row) => row[i]))
    return db.executeQuery(CompiledQuery.raw(`INSERT INTO ${name} (${names}) SELECT * FROM unnest(${lists}) ${tail}`, values))
  },
  insertNew: async (db, table, rows, key) => {
    const { numAffectedRows } = await POSTGRESQL.insert(db, table, rows, POSTGRESQL.orIgnore(table, key))
    return Number(numAffectedRows ?? 0n)
  },
  numberStep: sql<number>`1`,
  insertNumbered: async (db, table, rows, { by }) => {
    const answer = await POSTGRESQL.insert(db, table, rows, `RETURNING ${by}`)
    return answer.rows.map((row) => Number((row as Readonly<Record<string, unknown>>)[by]))
  },
  orIgnore: (_table, key) => `ON CONFLICT (${key}) DO NOTHING`,
  orCount: `ON CONFLICT (request) DO UPDATE
    SET times = repeats.times + excluded.times, last_at = greatest(repeats.last_at, excluded.last_at)`,
  orReplace: (key, columns) =>
    `ON CONFLICT (${key}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`,
}

/** The spelling of an engine. */
export function dialectOf(engine: Engine): Dialect {
  return engine === 'mysql' ? MYSQL : POSTGRESQL
}

/** Runs a statement that is the same on both engines. */
export async function run(db: Kysely<unknown>, statement: string): Promise<void> {
  await db.executeQuery(CompiledQuery.raw(statement))
}

/** Lists of so many at most: MariaDB turns longer ones into a temporary table that it joins (`in_predicate_conversion_threshold`). */
const CHUNK = 500

/** Cuts what may be long into lists that a statement takes well. */
export function chunksOf<Item>(items: readonly Item[], size = CHUNK): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
