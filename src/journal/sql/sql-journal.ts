import type { Database } from '../../database/connect.ts'
import type { Log } from '../../observe/log.ts'
import { type Journal, JournalUnavailable, type LateLocation, type Retained, type Submission } from '../journal.ts'
import { type CommittedOnce, REPEAT_WINDOW_MS, type RepeatKey } from '../repeats.ts'
import { createTouches, type Touches } from '../touches.ts'
import { keepBuckets } from './buckets.ts'
import { createClaims } from './claim.ts'
import { connectJournal, prepareDatabase } from './connect.ts'
import { dialectOf } from './dialect.ts'
import { createHealth } from './health.ts'
import { createInterner, type Interner } from './intern.ts'
import { createLine, type WriteParts } from './line.ts'
import { writeLocations } from './locate.ts'
import { writeCommits } from './once.ts'
import { toUnavailable } from './persist.ts'
import { createOpenReads, type OpenReads } from './read-open.ts'
import type { Commit } from './repeat-keys.ts'
import { createReplica } from './replica.ts'
import { type RetainStep, retainOld } from './retain.ts'
import { createSearch } from './search.ts'
import { createSession } from './session.ts'
import { type StepBatch, type StepFate, writeSteps } from './steps.ts'
import { tidyRepeatKeys } from './tidy-repeat-keys.ts'
import { writeTouches } from './touch.ts'

export interface SqlJournalOptions {
  /** A SQLAlchemy URL of MySQL, MariaDB or PostgreSQL. Holds a password. */
  readonly url: string
  /** What this process goes by in the table of replicas, for an operator who looks there. */
  readonly replica: { readonly id: string }
  readonly log: Log
  /** Connections that read; some more write. */
  readonly maxConnections?: number
  /** How long a repeat is known to be one: the same at all replicas. */
  readonly repeatWindowMs?: number
}

/** Five lines of writes, and what else writes now and then. */
const WRITING_CONNECTIONS = 7
const READING_CONNECTIONS = 5

/**
 * Opens a journal that several replicas share. An empty database is given its tables. Rejects with `JournalUnavailable` whose
 * message says what is wrong and how to mend it: not reached, refused, of another version or program.
 */
export async function openSqlJournal(options: SqlJournalOptions): Promise<Journal> {
  const { url, replica: named, log, maxConnections, repeatWindowMs = REPEAT_WINDOW_MS } = options
  await using made = new AsyncDisposableStack()
  const database = connectJournal(url, WRITING_CONNECTIONS)
  made.defer(() => database.close())
  // Of its own: searches must not keep a replica from showing that it lives.
  const reading = connectJournal(url, maxConnections ?? READING_CONNECTIONS)
  made.defer(() => reading.close())
  try {
    const { setup } = await prepareDatabase(database, log)
    const health = createHealth(log)
    const replica = await createReplica({ database, name: named.id, health, log })
    made.defer(() => replica.release().catch(() => {}))
    const journal = await createJournal({ database, reading, setup, health, replica, repeatWindowMs })
    const parts = made.move()
    return { ...journal, close: once(() => journal.close().finally(() => parts.disposeAsync())) }
  } catch (error) {
    throw error instanceof JournalUnavailable ? error : toUnavailable(error)
  }
}

function once(end: () => Promise<void>): () => Promise<void> {
  let ended: Promise<void> | undefined
  return () => {
    ended ??= end()
    return ended
  }
}

interface JournalParts extends WriteParts {
  readonly reading: Database<unknown>
  readonly repeatWindowMs: number
}

/** The journal over what has been opened; closing it leaves that open. */
async function createJournal(parts: JournalParts): Promise<Journal> {
  const { database, reading, replica, health } = parts
  const about = { dialect: dialectOf(database.engine), interner: createInterner(database) }
  const reads = createOpenReads(reading, about.interner)
  const { search, event } = createSearch(reading)
  const touches = createTouches((noted) => writeTouches(database.kysely, about, noted))
  const session = createSession(database, parts.setup)
  const { claim, takeOver, isUntold } = createClaims({ database, session, replica, health, reads })
  // What the last one left is this life's from the beginning, unless another has it already.
  await takeOver()
  const writes = createWrites(parts, { ...about, reads, touches, isUntold })
  const chores = [keepBuckets(database), tidyRepeatKeys(database.kysely, about.dialect, parts.repeatWindowMs)]

  let isClosed = false
  const ask = async <Answer>(question: () => Promise<Answer>): Promise<Answer> => {
    if (isClosed) throw toUnavailable('it is closed')
    try {
      return await question()
    } catch (error) {
      throw error instanceof JournalUnavailable ? error : toUnavailable(error)
    }
  }
  return {
    commit: (submission) => ask(() => writes.commit(submission)),
    commitOnce: (submission, key) => ask(() => writes.commitOnce(submission, key)),
    open: (host, after, limit) => ask(() => reads.open(replica.life, { host, after, limit })),
    awaited: (host, after, limit) => ask(() => reads.awaited(replica.life, { host, after, limit })),
    outdated: (host, limit) => ask(() => reads.outdated(replica.life, host, limit)),
    record: (steps) => ask(() => writes.record(steps)),
    claim: () => ask(claim),
    unlocated: (after, limit) => ask(() => reads.unlocated(replica.life, after, limit)),
    locate: (locations) => ask(() => writes.locate(locations)),
    acknowledge: (host, ids, atUs) => ask(() => writes.acknowledge(host, ids, atUs)),
    search: (query) => ask(() => search(query)),
    event: (id) => ask(() => event(id)),
    hosts: (after, limit) => ask(() => touches.write().then(() => reads.hosts(after, limit))),
    host: (host) => ask(() => touches.write().then(() => reads.host(host))),
    touchHost: touches.note,
    retain: (beforeUs, from) => ask(() => writes.retain({ beforeUs, from })),
    ready: () =>
      ask(async () => {
        const trouble = health.reason ?? health.refusal
        if (trouble !== null) throw toUnavailable(trouble)
        await reads.hosts(null, 1)
      }),
    close: async () => {
      isClosed = true
      for (const chore of chores) chore.stop()
      await Promise.all([touches.write(), writes.close()])
      session.close()
    },
  }
}

interface WritesParts {
  readonly dialect: ReturnType<typeof dialectOf>
  readonly interner: Interner
  readonly reads: Pick<OpenReads, 'endedOf'>
  readonly touches: Touches
  readonly isUntold: (hostId: number) => boolean
}

/** All that is written for those who ask, each kind in a line of its own. */
function createWrites(parts: JournalParts, { dialect, interner, reads, touches, isUntold }: WritesParts) {
  /** Of the moment: another life may have begun since the line was made. */
  const about = () => ({ dialect, interner, life: parts.replica.life, repeatWindowMs: parts.repeatWindowMs })
  const commits = createLine<Commit, CommittedOnce>(
    parts,
    ({ submission }) => Math.max(submission.events.length, 1),
    (db, batch, isAgain) => writeCommits(db, batch, { ...about(), isUntold, isAgain }),
  )
  const steps = createLine<StepBatch, readonly StepFate[]>(
    parts,
    (batch) => batch.steps.length,
    (db, batches) => writeSteps(db, batches, about()),
  )
  const locations = createLine<readonly LateLocation[], null>(
    parts,
    ({ length }) => length,
    async (db, batches) => {
      await writeLocations(db, batches.flat(), about())
      return batches.map(() => null)
    },
  )
  const removals = createLine<RetainStep, Retained>(
    parts,
    () => 1,
    async (db, asked) => {
      const answers: Retained[] = []
      for (const step of asked) answers.push(await retainOld(db, step, about()))
      return answers
    },
  )
  const lines = [commits, steps, locations, removals]
  return {
    commit: async (submission: Submission) => {
      if (submission.events.length === 0) return []
      const committed = await commits.add({ submission, key: null })
      return committed.kind === 'kept' ? committed.passedOn : []
    },
    commitOnce: (submission: Submission, key: RepeatKey) => commits.add({ submission, key }),
    record: async (all: StepBatch['steps']) => {
      const fates = all.length === 0 ? [] : await steps.add({ steps: all, ofAnyOwner: false })
      return fates.filter((fate) => fate === 'applied').length
    },
    locate: async (all: readonly LateLocation[]) => {
      if (all.length > 0) await locations.add(all)
    },
    acknowledge: async (...[host, ids, atUs]: Parameters<Journal['acknowledge']>) => {
      const isKnown = (await interner.hosts.find([host]))(host) !== undefined
      if (isKnown) touches.note(host, atUs)
      if (ids.length === 0 || !isKnown) return { acknowledged: 0, unknown: ids }
      const batch = ids.map((eventId) => ({ kind: 'acknowledged' as const, host, eventId, atUs }))
      const fates = await steps.add({ steps: batch, ofAnyOwner: true })
      const rest = ids.filter((_, i) => fates[i] !== 'applied')
      const ended = rest.length === 0 ? new Set() : await reads.endedOf(host, rest)
      return { acknowledged: ids.length - rest.length, unknown: rest.filter((id) => !ended.has(id)) }
    },
    retain: removals.add,
    close: async () => {
      await Promise.all(lines.map((line) => line.idle()))
      for (const line of lines) line.close()
    },
  }
}
