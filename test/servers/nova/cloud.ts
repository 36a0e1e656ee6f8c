import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { openDatabase } from '../../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../../src/database/url.ts'
import type { CellId } from '../../../src/events/event.ts'
import type { Database } from '../../stand/stand.ts'

const ROOT = join(import.meta.dirname, '../../..')

export type Row = Readonly<Record<string, unknown>>
type AnyTables = Record<string, Record<string, unknown>>

/** The databases of a cloud, in the order of their ids in cell_mappings. */
export const CELLS = ['cell0', 'cell1', 'cell2'] as const
export type CellName = (typeof CELLS)[number]
export const cellId = (name: CellName) => `00000000-0000-0000-0000-00000000000${name.slice(4)}` as CellId

/** Columns that are booleans on PostgreSQL; captured rows are MariaDB's. */
const BOOLEANS = new Set([
  ...['locked', 'auto_disk_config', 'shutdown_terminate', 'disable_terminate', 'hidden', 'cross_cell_move'],
  ...['disabled', 'queued_for_delete', 'forced_down'],
])

/** Children first: what refers to others goes before them. */
const CELL_TABLES = [
  ...[
    'instance_actions_events',
    'instance_actions',
    'migrations',
    'instance_extra',
    'instance_info_caches',
    'services',
    'instances',
  ],
]

/** Nova's databases with its real schema, on one server, and a user that has the documented rights and no others. */
export interface Cloud {
  /** For novacast: the user with the documented rights. */
  readonly apiUrl: string
  url(cell: CellName): string
  /** Inserts rows as the owner of the database. */
  insert(database: CellName | 'api', table: string, rows: readonly Row[]): Promise<void>
  /** Runs a statement as the owner. */
  run(database: CellName | 'api', statement: string): Promise<readonly Row[]>
  /** Runs a statement as the owner, and keeps its transaction, with what it locks, until it is let go. */
  hold(database: CellName | 'api', statement: string): Promise<{ readonly letGo: () => Promise<void> }>
  /** Takes all servers out. */
  clear(): Promise<void>
  close(): Promise<void>
}

export async function createCloud(server: Database, engine: 'mysql' | 'postgresql'): Promise<Cloud> {
  const made = await Promise.all((['api', ...CELLS] as const).map(async (name) => [name, await server.createDatabase()] as const))
  const databases = new Map(made)
  const owners = new Map(made.map(([name, { url }]) => [name, open(url)]))
  const owner = (name: CellName | 'api') => owners.get(name) as Kysely<AnyTables>
  const user = `novacast_${randomBytes(4).toString('hex')}`
  const asUser = (name: CellName | 'api') => {
    const { url } = databases.get(name) as { url: string }
    return url.replace(/\/\/[^@]*@/, `//${user}:secret@`)
  }
  for (const [name, kysely] of owners) await runStatements(kysely, schemaFile(engine, name === 'api' ? 'api' : 'cell'))
  await sql
    .raw(engine === 'mysql' ? `CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'` : `CREATE USER ${user} PASSWORD 'secret'`)
    .execute(owner('api'))
  for (const [name, { name: database }] of databases)
    await runStatements(owner(name), grants(engine, name === 'api' ? 'nova_api' : 'nova_cell1', { user, database }))
  if (engine === 'mysql') await sql.raw('FLUSH PRIVILEGES').execute(owner('api'))

  const insert: Cloud['insert'] = async (database, table, rows) => {
    const values = engine === 'mysql' ? rows : rows.map(withBooleans)
    for (const row of values) await owner(database).insertInto(table).values(row).execute()
  }
  await insert(
    'api',
    'cell_mappings',
    CELLS.map((name, index) => ({
      ...{ id: index + 1, uuid: cellId(name), name, disabled: 0 },
      transport_url: name === 'cell0' ? 'none:///' : `rabbit://nobody@${name}/`,
      database_connection: asUser(name),
    })),
  )
  return {
    apiUrl: asUser('api'),
    url: asUser,
    insert,
    run: async (database, statement) => (await sql.raw<Row>(statement).execute(owner(database))).rows,
    hold: async (database, statement) => {
      const [held, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const ended = owner(database)
        .transaction()
        .execute(async (transaction) => {
          await sql.raw(statement).execute(transaction)
          held.resolve()
          await end.promise
        })
      await Promise.race([held.promise, ended])
      const letGo = async () => {
        end.resolve()
        await ended
      }
      return { letGo }
    },
    clear: async () => {
      for (const table of ['instance_mappings', 'host_mappings']) await owner('api').deleteFrom(table).execute()
      for (const cell of CELLS) for (const table of CELL_TABLES) await owner(cell).deleteFrom(table).execute()
    },
    close: async () => {
      for (const kysely of owners.values()) await kysely.destroy()
    },
  }
}

function open(text: string): Kysely<AnyTables> {
  const parsed = parseDatabaseUrl(text)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 2, connectTimeoutMs: 20_000, queryTimeoutMs: 60_000, applicationName: 'tests' }
  return openDatabase<AnyTables>(parsed.url, options).kysely
}

const schemaFile = (engine: string, kind: string) =>
  readFileSync(join(ROOT, `test/data/nova-schema/${engine === 'mysql' ? 'mariadb' : engine}-${kind}.sql`), 'utf8')

/** The GRANT statements of the documentation, for these names. */
function grants(engine: string, database: string, names: { readonly user: string; readonly database: string }): string {
  const page = readFileSync(join(ROOT, 'docs/reference/nova-databases.md'), 'utf8')
  const [, block = ''] = new RegExp(`\`\`\`sql ${engine} ${database}\n([^\`]*)\`\`\``).exec(page) ?? []
  if (block === '') throw new Error(`no GRANTs for ${engine} ${database} in the documentation`)
  return block.replaceAll('novacast', names.user).replaceAll(database, names.database)
}

async function runStatements(kysely: Kysely<AnyTables>, text: string): Promise<void> {
  for (const statement of text.split(/;\s*\n/)) if (statement.trim() !== '') await sql.raw(statement).execute(kysely)
}

function withBooleans(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, BOOLEANS.has(name) && value !== null ? Boolean(value) : value]),
  )
}
