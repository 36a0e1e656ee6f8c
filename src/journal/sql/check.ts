import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import { DatabaseTrouble, isOfFile, toTrouble } from '../../database/trouble.ts'
import { parseDatabaseUrl, tellIgnored } from '../../database/url.ts'
import type { CheckLine } from '../../observe/check-line.ts'
import { connectJournal } from './connect.ts'
import { objectionToSql, readSqlSchema, SQL_MIGRATIONS } from './migrate.ts'
import { readServer, type Server } from './server.ts'

const DATABASE = 'journal database'
const SCHEMA = 'journal schema'

/**
 * Whether a journal can live in this database: it is reached, keeps what it commits, its schema is ours, or can be made, and may be
 * written. Changes nothing. Never rejects.
 */
export async function checkSqlJournal(url: string): Promise<readonly CheckLine[]> {
  let database: Database<unknown> | null = null
  try {
    const parsed = parseDatabaseUrl(url)
    database = connectJournal(url, 1)
    const server = await readServer(database)
    const line = toLine(server, parsed.kind === 'parsed' ? tellIgnored(parsed.url) : '')
    return [line, ...(server.objection === null ? [await checkSchema(database)] : [])]
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return [{ name: DATABASE, ok: false, detail, mend: mendingOf(error) }]
  } finally {
    await database?.close()
  }
}

function toLine({ version, objection, doubt }: Server, ignored: string): CheckLine {
  if (objection !== null)
    return { name: DATABASE, ok: false, detail: objection, mend: 'name another database in [novacast] connection' }
  return { name: DATABASE, ok: true, detail: `${version}${doubt === null ? '' : `; ${doubt}`}${ignored}`, mend: null }
}

async function checkSchema(database: Database<unknown>): Promise<CheckLine> {
  const schema = await readSqlSchema(database)
  const objection = objectionToSql(schema)
  if (objection !== null)
    return { name: SCHEMA, ok: false, detail: objection, mend: 'name another database in [novacast] connection' }
  switch (schema.kind) {
    case 'older':
      return { name: SCHEMA, ok: false, detail: `${schema.missing.join(', ')} is missing`, mend: 'run novacast db upgrade' }
    case 'empty':
      if (!(await mayMakeTables(database)))
        return { name: SCHEMA, ok: false, detail: 'the database is empty, and this user may not make tables in it', mend: GRANT }
      return { name: SCHEMA, ok: true, detail: 'the database is empty; the tables will be made at the first start', mend: null }
    default:
      if (!(await mayWrite(database)))
        return { name: SCHEMA, ok: false, detail: 'this user may not write its tables', mend: GRANT }
      return { name: SCHEMA, ok: true, detail: `${Object.keys(SQL_MIGRATIONS).at(-1)}`, mend: null }
  }
}

const GRANT = 'give the user of [novacast] connection all rights on the database, as docs/reference/schema.md says'

async function mayMakeTables({ engine, kysely }: Database<unknown>): Promise<boolean> {
  // What is prepared is not carried out, but for its rights.
  if (engine === 'mysql') return isAllowed(kysely, "PREPARE novacast_check FROM 'CREATE TABLE novacast_check (id INT)'")
  const { rows } = await sql<{
    may: boolean | null
  }>`SELECT has_schema_privilege(current_schema(), 'CREATE') AS may`.execute(kysely)
  return rows[0]?.may === true
}

/** Explaining needs the rights of the statement, and does not do it. One table stands for all. */
const WRITES = [
  'EXPLAIN INSERT INTO heartbeats (replica, seen_at) VALUES (0, 0)',
  'EXPLAIN UPDATE heartbeats SET seen_at = 0',
  'EXPLAIN DELETE FROM heartbeats',
]

async function mayWrite({ kysely }: Database<unknown>): Promise<boolean> {
  for (const statement of WRITES) if (!(await isAllowed(kysely, statement))) return false
  return true
}

async function isAllowed(kysely: Kysely<unknown>, statement: string): Promise<boolean> {
  try {
    await sql.raw(statement).execute(kysely)
    return true
  } catch (error) {
    if (toTrouble(error).kind === 'refused') return false
    throw error
  }
}

function mendingOf(error: unknown): string {
  if (error instanceof DatabaseTrouble && isOfFile(error))
    return 'let the user that novacast runs as read the files that [novacast] connection names'
  switch (error instanceof DatabaseTrouble ? error.kind : 'wrong') {
    case 'away':
      return 'look whether the server runs where [novacast] connection says, and lets this machine in'
    case 'refused':
      return 'look at user and password in [novacast] connection, and give that user all rights on the database'
    case 'missing':
      return 'make the database that [novacast] connection names'
    default:
      return 'correct [novacast] connection'
  }
}
