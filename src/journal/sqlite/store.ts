import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Destination } from '../../events/event.ts'
import type { Log } from '../../observe/log.ts'
import type { ServerRows } from '../../servers/registry/registry.ts'
import {
  type DecidedEvent,
  type DeliveryStep,
  type Journal,
  JournalUnavailable,
  type LateLocation,
  nameOf,
  reasonOf,
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
  WireLocation,
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
  let closed: Promise<void> | undefined
  let claimedOf = 0
  return {
    commit: async (submission) => {
      if (submission.events.length > 0) await writer.call('commit', toWireSubmission(submission), submission.events.length)
      return []
    },
    commitOnce: async (submission, { digest, content }) => {
      const weight = Math.max(submission.events.length, 1)
      return toCommittedOnce(await writer.call('commitOnce', [digest, content, toWireSubmission(submission)], weight))
    },
    open: (host, after, limit) => reader.call('open', { host, after, limit }),
    awaited: (host, after, limit) => reader.call('awaited', { host, after, limit }),
    outdated: (host, limit) => reader.call('outdated', { host, limit }),
    record: async (steps) => {
      if (steps.length === 0) return 0
      const fates = await writer.call('record', steps.map(toWireStep), steps.length)
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
    locate: async (locations) => {
      if (locations.length > 0) await writer.call('locate', locations.map(toWireLocation), locations.length)
    },
    acknowledge: async (host, ids, atUs) => {
      const steps = ids.map((id): WireStep => ['acknowledged', host, id, atUs, null, null])
      const fates = steps.length === 0 ? [] : await writer.call('record', steps, steps.length)
      return {
        acknowledged: fates.filter((fate) => fate === 'applied').length,
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
    servers: createServerRows(db, writer, reader),
    close: () => {
      closed ??= shutDown()
      return closed
    },
  }
}

function toWireSubmission(submission: Submission): WireSubmission {
  const { userId, userName, projectId } = submission.sender
  const { receivedAtUs, requestId, globalRequestId, microversion, events } = submission
  return [receivedAtUs, requestId, globalRequestId, userId, userName, projectId, microversion, events.map(toWireEvent)]
}

function toCommittedOnce([kind, requestId, codes]: WireCommittedOnce): CommittedOnce {
  switch (kind) {
    case 'kept':
      return { kind, passedOn: [] }
    case 'repeat':
      return { kind, first: { requestId, codes } }
    case 'taken':
      return { kind, requestId }
  }
}

function toWireEvent({ id, event, outcome }: DecidedEvent): WireEvent {
  const destinations = outcome.kind === 'accepted' ? outcome.destinations.map(toWireDestination) : []
  const deferred = outcome.kind === 'deferred' ? ([outcome.cell, outcome.reason] as const) : null
  return [id, event.serverId, event.name, event.status, event.tag, outcome.code, destinations, deferred]
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
  if (kind !== 'located') return [kind, eventId, atUs, location.reason, []]
  return [kind, eventId, atUs, null, location.destinations.map(toWireDestination)]
}
