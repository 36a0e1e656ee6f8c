import type { Database } from '../../database/connect.ts'
import type { Log } from '../../observe/log.ts'
import { createFollowedListeners } from '../followed.ts'
import {
  type Journal,
  JournalUnavailable,
  type LateLocation,
  NO_SEARCHES,
  type Placement,
  type Retained,
  type Searches,
  type Submission,
} from '../journal.ts'
import { type CommittedOnce, REPEAT_WINDOW_MS } from '../repeats.ts'
import { createTouches, type Touches } from '../touches.ts'
import { keepBuckets } from './buckets.ts'
import { createClaims } from './claim.ts'
import { connectJournal, prepareDatabase } from './connect.ts'
import { dialectOf } from './dialect.ts'
import { followServers, NOTHING_FOLLOWED } from './follow.ts'
import { createHealth } from './health.ts'
import { createInterner, type Interner } from './intern.ts'
import { createLine, type WriteParts } from './line.ts'
import { writeExpired, writeLocations } from './locate.ts'
import { writeCommits } from './once.ts'
import { toUnavailable } from './persist.ts'
import { createOpenReads, type OpenReads } from './read-open.ts'
import type { Commit } from './repeat-keys.ts'
import { createReplica, keepLife } from './replica.ts'
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

/** Six lines of writes, and what else writes now and then. */
const WRITING_CONNECTIONS = 8
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

interface JournalParts extends Omit<WriteParts, 'tell'> {
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
  const { claim, takeOver, isUntold, hasNews, takeovers } = createClaims({ database, session, replica, health, reads })
  // What the last one left is this life's from the beginning, unless another has it already.
  await takeOver()
  const followed = createFollowedListeners()
  const writes = createWrites({ ...parts, tell: followed.tell }, { ...about, reads, touches, isUntold, hasNews })
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
    commit: (submission, searches = NO_SEARCHES) => ask(() => writes.commit(submission, searches)),
    commitOnce: (submission, key, searches = NO_SEARCHES) => ask(() => writes.commitOnce({ submission, key, searches })),
    commitAll: (submissions, searches = NO_SEARCHES) => ask(() => writes.commitAll(submissions, searches)),
    open: (host, after, limit) => ask(() => reads.open(replica.life, { host, after, limit })),
    awaited: (host, after, limit) => ask(() => reads.awaited(replica.life, { host, after, limit })),
    outdated: (host, limit) => ask(() => reads.outdated(replica.life, host, limit)),
    record: (steps) => ask(() => writes.record(steps)),
    claim: () => ask(claim),
    unlocated: (after, limit) => ask(() => reads.unlocated(replica.life, after, limit)),
    parked: (after, limit) => ask(() => reads.parked(replica.life, after, limit)),
    locate: (locations) => ask(() => writes.locate(locations)),
    expireParked: (atUs) => ask(() => writes.expireParked(atUs)),
    follow: (placements) => ask(() => writes.follow(placements)),
    onFollowed: followed.add,
    takeovers,
    acknowledge: (...about) => ask(() => writes.acknowledge(...about)),
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
  readonly hasNews: () => boolean
}

/** How many rows commits are about. */
function weigh(commits: readonly Commit[]): number {
  return commits.reduce((sum, { submission }) => sum + Math.max(submission.events.length, 1), 0)
}

/** All that is written for those who ask, each kind in a line of its own. */
function createWrites(parts: JournalParts & WriteParts, { dialect, interner, reads, touches, isUntold, hasNews }: WritesParts) {
  /** Of the moment: another life may have begun since the line was made. */
  const about = () => ({ dialect, interner, life: parts.replica.life, repeatWindowMs: parts.repeatWindowMs })
  /** What one call brings is committed together. */
  const commits = createLine<readonly Commit[], readonly CommittedOnce[]>(parts, weigh, async (db, calls, isAgain) => {
    const { answers, followed } = await writeCommits(db, calls.flat(), { ...about(), isUntold, hasNews, isAgain })
    let taken = 0
    const ofCall = ({ length }: readonly Commit[]) => {
      taken += length
      return answers.slice(taken - length, taken)
    }
    return { answers: calls.map(ofCall), followed }
  })
  const commit = async (item: Commit): Promise<CommittedOnce> => {
    const [committed] = await commits.add([item])
    return committed ?? { kind: 'kept', passedOn: [] }
  }
  const passedOnOf = (committed: CommittedOnce) => (committed.kind === 'kept' ? committed.passedOn : [])
  const steps = createLine<StepBatch, readonly StepFate[]>(
    parts,
    (batch) => batch.steps.length,
    (db, batches) => writeSteps(db, batches, about()),
  )
  const locations = createLine<readonly LateLocation[], null>(
    parts,
    ({ length }) => length,
    async (db, batches) => ({ answers: batches.map(() => null), followed: await writeLocations(db, batches.flat(), about()) }),
  )
  const follows = createLine<readonly Placement[], null>(
    parts,
    ({ length }) => length,
    async (db, batches) => {
      const placements = new Map(batches.flat().map((placement) => [placement.serverId, placement]))
      const kept = await keepLife(db, dialect, about().life)
      const followed = await followServers(db, placements, { dialect, interner, kept })
      return { answers: batches.map(() => null), followed }
    },
  )
  const removals = createLine<RetainStep, Retained>(
    parts,
    () => 1,
    async (db, asked) => {
      const answers: Retained[] = []
      for (const step of asked) answers.push(await retainOld(db, step, about()))
      return { answers, followed: NOTHING_FOLLOWED }
    },
  )
  const lines = [commits, steps, locations, follows, removals]
  return {
    commit: async (submission: Submission, searches: Searches) => {
      if (submission.events.length === 0) return []
      return passedOnOf(await commit({ submission, key: null, searches }))
    },
    commitOnce: commit,
    commitAll: async (submissions: readonly Submission[], searches: Searches) => {
      if (submissions.every(({ events }) => events.length === 0)) return submissions.map(() => [])
      return (await commits.add(submissions.map((submission) => ({ submission, key: null, searches })))).map(passedOnOf)
    },
    record: async (all: StepBatch['steps']) => {
      const fates = all.length === 0 ? [] : await steps.add({ steps: all, ofAnyOwner: false })
      return fates.filter((fate) => fate === 'applied').length
    },
    locate: async (all: readonly LateLocation[]) => {
      if (all.length > 0) await locations.add(all)
    },
    follow: async (all: readonly Placement[]) => {
      if (all.length > 0) await follows.add(all)
    },
    expireParked: (atUs: number) => writeExpired(parts.database.kysely, atUs, parts.replica.life),
    acknowledge: async (...[host, ids, atUs, receipts]: Parameters<Journal['acknowledge']>) => {
      const isKnown = (await interner.hosts.find([host]))(host) !== undefined
      if (isKnown) touches.note(host, atUs)
      if (ids.length === 0 || !isKnown) return { ended: [], unknown: ids }
      const batch = ids.map((eventId) => ({
        kind: 'acknowledged' as const,
        host,
        eventId,
        atUs,
        receipt: receipts?.get(eventId),
      }))
      const fates = await steps.add({ steps: batch, ofAnyOwner: true })
      const rest = ids.filter((_, i) => fates[i] !== 'applied')
      const endedBefore = rest.length === 0 ? new Set() : await reads.endedOf(host, rest)
      return { ended: ids.filter((_, i) => fates[i] === 'applied'), unknown: rest.filter((id) => !endedBefore.has(id)) }
    },
    retain: removals.add,
    close: async () => {
      await Promise.all(lines.map((line) => line.idle()))
      for (const line of lines) line.close()
    },
  }
}
