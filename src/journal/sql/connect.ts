import { type Database, openDatabase } from '../../database/connect.ts'
import { parseDatabaseUrl } from '../../database/url.ts'
import type { Log } from '../../observe/log.ts'
import { JournalUnavailable } from '../journal.ts'
import { migrateSql, objectionToSql, readSqlSchema } from './migrate.ts'
import { toUnavailable } from './persist.ts'
import { readServer, type Server } from './server.ts'

/** Brings the schema of a journal's database up to date; answers the names of the migrations applied. Rejects as `openSqlJournal` does. */
export async function upgradeSqlJournal(url: string): Promise<readonly string[]> {
  const database = connectJournal(url, 2)
  try {
    return await migrateSql(database)
  } catch (error) {
    throw toUnavailable(error)
  } finally {
    await database.close()
  }
}

/** The database of a journal, by its URL; throws `JournalUnavailable` when that is none. */
export function connectJournal(text: string, maxConnections: number): Database<unknown> {
  const parsed = parseDatabaseUrl(text)
  if (parsed.kind === 'invalid') throw new JournalUnavailable(`the journal's database: ${parsed.reason}`)
  return openDatabase(parsed.url, { maxConnections, connectTimeoutMs: 5000, queryTimeoutMs: 30_000, applicationName: 'novacast' })
}

/** Looks whether the journal can live in this database, and gives an empty one its tables. Rejects with what is wrong. */
export async function prepareDatabase(database: Database<unknown>, log: Log): Promise<Server> {
  const server = await readServer(database)
  if (server.objection !== null) throw new Error(server.objection)
  if (server.doubt !== null) log.warn({ server: server.version }, `the journal's database: ${server.doubt}`)
  const schema = await readSqlSchema(database)
  const objection = objectionToSql(schema)
  if (objection !== null) throw new Error(objection)
  if (schema.kind === 'older') {
    throw new Error(`its schema is of an older novacast (${schema.missing.join(', ')} is missing); run: novacast db upgrade`)
  }
  if (schema.kind === 'empty') await migrateSql(database)
  return server
}
