import type { Database } from '../../database/connect.ts'
import { DatabaseTrouble } from '../../database/trouble.ts'
import { parseDatabaseUrl, tellIgnored } from '../../database/url.ts'
import type { CheckLine } from '../../observe/check-line.ts'
import { connectJournal } from './connect.ts'
import { objectionToSql, readSqlSchema, SQL_MIGRATIONS } from './migrate.ts'
import { readServer, type Server } from './server.ts'

const DATABASE = 'journal database'
const SCHEMA = 'journal schema'

/** Whether a journal can live in this database: it is reached, keeps what it commits, and its schema is ours. Changes nothing. Never rejects. */
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
      return { name: SCHEMA, ok: true, detail: 'the database is empty; the tables will be made at the first start', mend: null }
    default:
      return { name: SCHEMA, ok: true, detail: `${Object.keys(SQL_MIGRATIONS).at(-1)}`, mend: null }
  }
}

function mendingOf(error: unknown): string {
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
