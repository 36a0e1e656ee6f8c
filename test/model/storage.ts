import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import type { Journal } from '../../src/journal/journal.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { STATE_NUMBERS, type Stage, TRANSITIONS } from '../../src/journal/states.ts'
import { silent } from '../journal/submissions.ts'

/** The embedded journal of a run, which outlives its process. */
export interface Storage {
  /** The one that is open now. */
  readonly journal: Journal
  /** The threads end where they are, and the file is opened again. */
  crash(): Promise<void>
  /** How much is open: deliveries, and events that wait to be located. */
  countOpen(): number
  /** Every change of a delivery that was ever written and that src/journal/states.ts does not have, as numbers; from null: it was made so. */
  forbiddenTransitions(): readonly string[]
  remove(): Promise<void>
}

const RECORD_TRANSITIONS = `
  CREATE TABLE seen_transitions (old, new, UNIQUE (old, new));
  CREATE TRIGGER see_new AFTER INSERT ON deliveries BEGIN
    INSERT INTO seen_transitions SELECT NULL, NEW.state WHERE NOT EXISTS
      (SELECT 1 FROM seen_transitions WHERE old IS NULL AND new = NEW.state); END;
  CREATE TRIGGER see_change AFTER UPDATE OF state ON deliveries BEGIN
    INSERT INTO seen_transitions SELECT OLD.state, NEW.state WHERE NOT EXISTS
      (SELECT 1 FROM seen_transitions WHERE old = OLD.state AND new = NEW.state); END;`
const COUNT_OPEN = `SELECT (SELECT count(*) FROM deliveries WHERE state < 2)
  + (SELECT count(*) FROM deferrals WHERE ended_at IS NULL) AS open`
/** A delivery begins as pending; then by the table. */
const ALLOWED = new Set([
  `null -> ${STATE_NUMBERS.pending}`,
  ...Object.entries(TRANSITIONS).flatMap(([from, steps]) =>
    Object.values(steps).map((to) => `${STATE_NUMBERS[from as Stage]} -> ${STATE_NUMBERS[to]}`),
  ),
])
/** A sync costs nothing there; what a sync is for is proved by crash.test.ts. */
const FAST = '/dev/shm'

/** Makes empty journals in a directory. The caller closes what it opens. */
export async function createStorages(): Promise<{ open(): Promise<Storage>; remove(): void }> {
  const directory = makeDirectory()
  const template = join(directory, 'empty.db')
  await (await openSqliteJournal({ file: template, log: silent })).close()
  const db = new DatabaseSync(template)
  db.exec(RECORD_TRANSITIONS)
  db.close()
  let made = 0
  return {
    open: () => {
      const file = join(directory, `${++made}.db`)
      copyFileSync(template, file)
      return openStorage(file)
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function openStorage(file: string): Promise<Storage> {
  const threads = new Set<Worker>()
  const onThread = (thread: Worker) => void threads.add(thread)
  const open = async () => {
    process.on('worker', onThread)
    try {
      return await openSqliteJournal({ file, log: silent })
    } finally {
      process.off('worker', onThread)
    }
  }
  let journal = await open()
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  return {
    get journal() {
      return journal
    },
    crash: async () => {
      const ended = [...threads].map((thread) => thread.terminate())
      threads.clear()
      await Promise.all(ended)
      await journal.close()
      journal = await open()
    },
    countOpen: () => Number(db.prepare(COUNT_OPEN).get()?.['open']),
    forbiddenTransitions: () =>
      db
        .prepare('SELECT old, new FROM seen_transitions')
        .all()
        .map((row) => `${row['old']} -> ${row['new']}`)
        .filter((transition) => !ALLOWED.has(transition)),
    remove: async () => {
      db.close()
      await journal.close()
      for (const end of ['', '-wal', '-shm', '-lock']) rmSync(file + end, { force: true })
    },
  }
}

function makeDirectory(): string {
  try {
    return mkdtempSync(join(FAST, 'novacast-model-'))
  } catch {
    return mkdtempSync(join(tmpdir(), 'novacast-model-'))
  }
}
