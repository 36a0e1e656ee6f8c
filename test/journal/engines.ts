import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import type { Journal } from '../../src/journal/journal.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { useStand } from '../stand/use-stand.ts'
import { silent, temporaryDirectory } from './journal-file.ts'

/** Where a journal is: it may be opened, closed and opened again. */
export interface Place {
  /** Closed after the test at the latest. */
  open(): Promise<Journal>
}

/** A place whose journals the caller closes. */
export interface OwnPlace {
  /** Of its database; null where it is a file. */
  readonly url: string | null
  open(): Promise<Journal>
}

/** An engine that journals live in. */
export interface Engine {
  readonly name: 'sqlite' | 'mariadb' | 'postgresql'
  /** An empty journal's place; in a directory, where the engine needs one. */
  newPlace(directory?: string): Promise<OwnPlace>
}

const stand = await useStand('mariadb', 'postgresql')

const sqlite: Engine = {
  name: 'sqlite',
  newPlace: async (directory = temporaryDirectory()) => {
    const file = join(directory, 'novacast.db')
    return { url: null, open: () => openSqliteJournal({ file, log: silent }) }
  },
}

const inDatabase = (name: 'mariadb' | 'postgresql'): Engine => ({
  name,
  newPlace: async () => {
    if (stand === null) throw new Error('there is no stand')
    const { url } = await stand[name].createDatabase()
    return { url, open: () => openSqlJournal({ url, replica: { id: 'test' }, log: silent }) }
  },
})

/** A suite of the contract, once on every engine. It is skipped, in the report too, on those that cannot run here. */
export function describeEngines(what: string, body: (engine: Engine) => void): void {
  describe(`${what}, in SQLite`, { timeout: 300_000 }, () => body(sqlite))
  describe.skipIf(stand === null)(`${what}, in MariaDB`, { timeout: 300_000 }, () => body(inDatabase('mariadb')))
  describe.skipIf(stand === null)(`${what}, in PostgreSQL`, { timeout: 300_000 }, () => body(inDatabase('postgresql')))
}

/** A new journal's place for one test. */
export async function placeOn(engine: Engine): Promise<Place> {
  const place = await engine.newPlace()
  return {
    open: async () => {
      const journal = await place.open()
      onTestFinished(() => journal.close())
      return journal
    },
  }
}

/** A new journal for one test. */
export async function openOn(engine: Engine): Promise<Journal> {
  return (await placeOn(engine)).open()
}
