import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { onTestFinished } from 'vitest'
import { openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { Engine } from './engines.ts'
import { temporaryDirectory } from './journal-file.ts'

/** A journal's place whose tables can be asked past the journal. */
export interface AskedPlace {
  /** What a child process is told to open: a file or a URL. */
  readonly target: string
  /** Closed after the test at the latest. */
  open(): Promise<Journal>
  /** The first column of what a statement answers. */
  ask(statement: string): Promise<readonly unknown[]>
  /** Rows that belong to nothing, as `table: how many`. */
  orphans(): Promise<readonly string[]>
}

const IN_FILE = {
  deliveries: 'seq NOT IN (SELECT seq FROM events)',
  deferrals: 'seq NOT IN (SELECT seq FROM events)',
  replays: 'seq NOT IN (SELECT seq FROM events)',
  events: 'first_seq NOT IN (SELECT first_seq FROM requests)',
  repeats: 'first_seq NOT IN (SELECT first_seq FROM requests)',
  requests: 'NOT EXISTS (SELECT 1 FROM events WHERE seq BETWEEN requests.first_seq AND requests.first_seq + size - 1)',
}
const IN_DATABASE = {
  deliveries: 'seq NOT IN (SELECT seq FROM events)',
  open_deliveries: 'seq NOT IN (SELECT seq FROM events)',
  deferrals: 'seq NOT IN (SELECT seq FROM events)',
  replays: 'seq NOT IN (SELECT seq FROM events)',
  events: 'seq >> 12 NOT IN (SELECT request FROM requests)',
  requests: 'request NOT IN (SELECT seq >> 12 FROM events)',
  repeats: 'request NOT IN (SELECT request FROM requests)',
  request_ids: 'request NOT IN (SELECT request FROM requests)',
}

/** A new journal's place for one test. */
export async function askedPlaceOn(engine: Engine): Promise<AskedPlace> {
  const directory = temporaryDirectory()
  const place = await engine.newPlace(directory)
  const file = join(directory, 'novacast.db')
  const ask = place.url === null ? askFile(file) : askDatabase(place.url)
  return {
    target: place.url ?? file,
    ask,
    open: async () => {
      const journal = await place.open()
      onTestFinished(() => journal.close())
      return journal
    },
    orphans: async () => {
      const found: string[] = []
      for (const [table, condition] of Object.entries(place.url === null ? IN_FILE : IN_DATABASE)) {
        const [count] = await ask(`SELECT count(*) FROM ${table} WHERE ${condition}`)
        if (Number(count) > 0) found.push(`${table}: ${count}`)
      }
      return found
    },
  }
}

const askFile = (file: string) => async (statement: string) => {
  const db = new DatabaseSync(file)
  try {
    return db
      .prepare(statement)
      .all()
      .map((row) => Object.values(row)[0])
  } finally {
    db.close()
  }
}

/** Asks the tables of a database: the first column of what a statement answers. Closed after the test. */
export function askDatabase(url: string) {
  const parsed = parseDatabaseUrl(url)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 1, connectTimeoutMs: 5000, queryTimeoutMs: 30_000, applicationName: 'test' }
  const database = openDatabase<unknown>(parsed.url, options)
  onTestFinished(() => database.close())
  return async (statement: string) => {
    const { rows } = await sql<Readonly<Record<string, unknown>>>`${sql.raw(statement)}`.execute(database.kysely)
    return rows.map((row) => Object.values(row)[0])
  }
}
