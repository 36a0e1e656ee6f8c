import type { Database } from '../../database/connect.ts'
import { type Batches, createBatches } from './batches.ts'
import type { Health } from './health.ts'
import { createPersist, type PersistOptions, toUnavailable } from './persist.ts'
import type { Replica } from './replica.ts'
import { createSession } from './session.ts'

/** What writes to a journal's database share. */
export interface WriteParts {
  readonly database: Database<unknown>
  /** What a connection that writes says first. */
  readonly setup: readonly string[]
  readonly health: Health
  readonly replica: Replica
  readonly tell: PersistOptions<never, never>['tell']
}

/** Rows of a transaction at most, unless a single call brings more. */
const MAX_ROWS = 1000
/** Rows that may wait to be written. Beyond, the database is not keeping up, and waiting longer helps nobody. */
const MAX_WAITING = 100_000

/** A line of writes: what comes at the same time goes into one transaction, one transaction after the other. */
export interface Line<Item, Answer> extends Batches<Item, Answer> {
  close(): void
}

/** A line on a connection of its own; `weigh` tells how many rows an item is about. Rejects with `JournalUnavailable`. */
export function createLine<Item, Answer>(
  { database, setup, health, replica, tell }: WriteParts,
  weigh: (item: Item) => number,
  write: PersistOptions<Item, Answer>['write'],
): Line<Item, Answer> {
  const session = createSession(database, setup)
  const refusal = (waiting: number, weight: number) => {
    if (health.reason !== null) return toUnavailable(health.reason)
    return waiting > 0 && waiting + weight > MAX_WAITING ? toUnavailable('too much waits to be written') : null
  }
  const batches = createBatches({ weigh, most: MAX_ROWS, refusal, run: createPersist({ session, replica, health, write, tell }) })
  return { ...batches, close: () => session.close() }
}
