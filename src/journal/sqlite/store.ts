import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Destination, EventId, HostName, Outcome, ServerId } from '../../events/event.ts'
import type { Log } from '../../observe/log.ts'
import type { ServerRows } from '../../servers/registry/registry.ts'
import { createFollowedListeners } from '../followed.ts'
import {
  type DecidedEvent,
  type DeliveryStep,
  type Followed,
  type Journal,
  JournalUnavailable,
  type LateLocation,
  NO_SEARCHES,
  nameOf,
  PARKED_REASON,
  type PassedOn,
  type Placement,
  reasonOf,
  type Searches,
  type Submission,
} from '../journal.ts'
import { type CommittedOnce, REPEAT_WINDOW_MS } from '../repeats.ts'
import { createTouches } from '../touches.ts'
import { openForReading } from './database.ts'
import { makeDirectory } from './directory.ts'
import { lockFile } from './lock.ts'
import type {
  WireCommittedOnce,
  WireDestination,
  WireEvent,
  WireFollowed,
  WireLocation,
  WirePlacement,
  WireStep,
  WireSubmission,
  WriterCalls,
} from './protocol.ts'
import type { ReaderCalls } from './reads.ts'
import { RETAINED_AT_ONCE } from './retain.ts'
import { tryRoom } from './room.ts'
import { createServerRows } from './server-rows.ts'
import { startThread, type Thread } from './thread.ts'

/** The embedded journal, and the registry's rows in the same file. */
export interface SqliteStore extends Journal {
  /** For `createRegistry`. */
  readonly servers: ServerRows
}

/** Where the file is, and who hears of trouble with it. */
export interface SqliteJournalOptions {
  readonly file: string
  readonly log: Log
  /** How long a repeat is known to be one. */
  readonly repeatWindowMs?: number
}

/**
 * Opens (and where it is missing makes) the journal's file and brings its schema up to date. Rejects with `JournalUnavailable`
 * whose message says what is wrong and how to mend it: no such directory, not writable, in use, damaged, from a newer novacast.
 */
export async function openSqliteJournal(options: SqliteJournalOptions): Promise<SqliteStore> {
  const { file, log, repeatWindowMs = REPEAT_WINDOW_MS } = options
  prepareDirectory(file)
  const lock = lockFile(file)
  try {
    const writer = await startThread<WriterCalls>({ entry: 'writer-thread', file, repeatWindowMs, log })
    const reader = await startThread<ReaderCalls>({ entry: 'reader-thread', file, repeatWindowMs, log })
    return createStore({ file, writer, reader, db: openForReading(file), release: () => lock.release() })
  } catch (error) {
    lock.release()
    throw error
  }
}

function prepareDirectory(file: string): void {
  try {
    makeDirectory(dirname(file))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new JournalUnavailable(`the journal's directory ${dirname(file)} cannot be made: ${text}`, { cause: error })
  }
}

interface StoreParts {
  readonly file: string
  readonly writer: Thread<WriterCalls>
  readonly reader: Thread<ReaderCalls>
  readonly db: DatabaseSync
  /** Lets others open the file. */
  readonly release: () => void
}

function createStore({ file, writer, reader, db, release }: StoreParts): SqliteStore {
  const touches = createTouches((noted) => writer.call('touch', noted, noted.length))
  const shutDown = async () => {
    await touches.write()
    await reader.close()
    db.close()
    // The last connection to go folds the log into the file.
    await writer.close()
    release()
  }
  const followed = createFollowedListeners()
  const tell = (wire: WireFollowed): WireFollowed => {
    if (wire !== null) followed.tell(parseFollowed(wire))
    return wire
  }
  let closed: Promise<void> | undefined
  let claimedOf = 0
  return {
    commit: async (submission, searches = NO_SEARCHES) => {
      if (submission.events.length === 0) return []
      const answer = await writer.call('commit', toWireSubmission(submission, searches), submission.events.length)
      return passedOnOf(submission, tell(answer))
    },
    commitOnce: async (submission, { digest, content }, searches = NO_SEARCHES) => {
      const weight = Math.max(submission.events.length, 1)
      const body = [digest, content, toWireSubmission(submission, searches)] as const
      const [committed, answer] = await writer.call('commitOnce', body, weight)
      return toCommittedOnce(committed, passedOnOf(submission, tell(answer)))
    },
    commitAll: async (submissions, searches = NO_SEARCHES) => {
      const weight = submissions.reduce((sum, { events }) => sum + events.length, 0)
      const wire = submissions.map((submission) => toWireSubmission(submission, searches))
      const followed = weight === 0 ? null : tell(await writer.call('commitAll', wire, weight))
      return submissions.map((submission) => passedOnOf(submission, followed))
    },
    open: (host, after, limit) => reader.call('open', { host, after, limit }),
    awaited: (host, after, limit) => reader.call('awaited', { host, after, limit }),
    outdated: (host, limit) => reader.call('outdated', { host, limit }),
    record: async (steps) => {
      if (steps.length === 0) return 0
      const [fates, answer] = await writer.call('record', steps.map(toWireStep), steps.length)
      tell(answer)
      return fates.filter((fate) => fate === 'applied').length
    },
    claim: async () => {
      // What a writer that died had committed was rejected as unknown: the next one's hosts are all claimed anew.
      const { starts } = writer
      if (claimedOf === starts) return []
      const hosts = await reader.call('claim', null)
      claimedOf = starts
      return hosts
    },
    unlocated: (after, limit) => reader.call('unlocated', { after, limit }),
    locate: async (locations, strays = NONE) => {
      if (locations.length === 0) return
      const body = { locations: locations.map(toWireLocation), strays: [...strays] }
      tell(await writer.call('locate', body, locations.length))
    },
    parked: (after, limit) => reader.call('parked', { after, limit }),
    expireParked: (atUs) => writer.call('expireParked', atUs),
    follow: async (placements) => {
      if (placements.length > 0) tell(await writer.call('follow', placements.map(toWirePlacement), placements.length))
    },
    onFollowed: followed.add,
    takeovers: () => 0,
    acknowledge: async (host, ids, atUs, receipts) => {
      const steps = ids.map((eventId) =>
        toWireStep({ kind: 'acknowledged', host, eventId, atUs, receipt: receipts?.get(eventId) }),
      )
      const [fates] = steps.length === 0 ? [[]] : await writer.call('record', steps, steps.length)
      return {
        ended: ids.filter((_, i) => fates[i] === 'applied'),
        unknown: ids.filter((_, i) => fates[i] === 'unknown'),
      }
    },
    search: (query) => reader.call('search', query),
    event: (id) => reader.call('event', id),
    hosts: async (after, limit) => {
      await touches.write()
      return reader.call('hosts', { after, limit })
    },
    host: async (host) => {
      await touches.write()
      return reader.call('host', host)
    },
    touchHost: touches.note,
    retain: (beforeUs, from) => writer.call('retain', [beforeUs, from], RETAINED_AT_ONCE),
    ready: async () => {
      if (writer.isTroubled) {
        await tryRoom(file)
        await writer.call('probe', null)
      }
      await reader.call('hosts', { after: null, limit: 1 })
    },
    servers: createServerRows(db, { writer, reader, tell }),
    close: () => {
      closed ??= shutDown()
      return closed
    },
  }
}

const NONE: ReadonlySet<ServerId> = new Set()

/** What of a submission is for hosts that have older deliveries now, or was for hosts that its servers have left. */
function passedOnOf({ events }: Submission, followed: WireFollowed): readonly PassedOn[] {
  if (followed === null) return []
  const ended = new Set(followed.ended.map(([, host, eventId]) => `${eventId} ${host}`))
  const behind = new Set(followed.behind.map(([host, eventId]) => `${eventId} ${host}`))
  const hosts = new Set(followed.hosts)
  return events.flatMap(({ id, outcome }) =>
    (outcome.kind === 'accepted' ? outcome.destinations : []).flatMap(({ host }): PassedOn[] => {
      if (ended.has(`${id} ${host}`)) return [{ eventId: id, host, kind: 'elsewhere' }]
      if (hosts.has(host)) return [{ eventId: id, host, kind: 'untold' }]
      return behind.has(`${id} ${host}`) ? [{ eventId: id, host, kind: 'behind' }] : []
    }),
  )
}

function parseFollowed({ hosts, ended }: NonNullable<WireFollowed>): Followed {
  return {
    hosts: hosts as readonly HostName[],
    ended: ended.map(([kind, host, eventId, atUs]) => ({ kind, host: host as HostName, eventId: eventId as EventId, atUs })),
  }
}

function toWirePlacement(placement: Placement): WirePlacement {
  const { kind, serverId, atUs } = placement
  return [serverId, [kind, kind === 'located' ? placement.destinations.map(toWireDestination) : []], atUs]
}

function toWireSubmission(submission: Submission, { strays, urgent }: Searches): WireSubmission {
  const { userId, userName, projectId } = submission.sender
  const { receivedAtUs, requestId, globalRequestId, microversion, events } = submission
  const about = [receivedAtUs, requestId, globalRequestId, userId, userName, projectId, microversion] as const
  return [...about, events.map(toWireEvent), [...strays], [...urgent]]
}

function toCommittedOnce([kind, requestId, codes]: WireCommittedOnce, passedOn: readonly PassedOn[]): CommittedOnce {
  switch (kind) {
    case 'kept':
      return { kind, passedOn }
    case 'repeat':
      return { kind, first: { requestId, codes } }
    case 'taken':
      return { kind, requestId }
  }
}

function toWireEvent({ id, event, outcome, replay }: DecidedEvent): WireEvent {
  const destinations = outcome.kind === 'accepted' ? outcome.destinations.map(toWireDestination) : []
  const marks = replay === undefined ? ([] as const) : ([[replay.of, replay.run]] as const)
  const deferral = toWireDeferral(outcome)
  return [id, event.serverId, event.name, event.status, event.tag, outcome.code, destinations, deferral, ...marks]
}

function toWireDeferral(outcome: Outcome): WireEvent[7] {
  if (outcome.kind === 'deferred') return [outcome.cell, outcome.reason, null]
  return outcome.kind === 'parked' ? [null, PARKED_REASON, outcome.untilUs] : null
}

function toWireDestination({ host, cell }: Destination): WireDestination {
  return [host, cell]
}

function toWireStep(step: DeliveryStep): WireStep {
  const to = step.kind === 'moved' ? step.to.map(toWireDestination) : null
  return [nameOf(step), step.host, step.eventId, step.atUs, reasonOf(step), to]
}

function toWireLocation(location: LateLocation): WireLocation {
  const { kind, eventId, atUs } = location
  if (kind === 'located') return [kind, eventId, atUs, null, location.destinations.map(toWireDestination), null]
  return [kind, eventId, atUs, location.reason, [], kind === 'parked' ? location.untilUs : null]
}
