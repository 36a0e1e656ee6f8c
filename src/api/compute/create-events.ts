import type { CallContext } from '../../cast/cast.ts'
import type { ApiConfig } from '../../config/config.ts'
import type { Deliveries } from '../../delivery/delivery.ts'
import { decide } from '../../events/decide.ts'
import type { EventId, Outcome, ServerId, Whereabouts } from '../../events/event.ts'
import { type Journal, JournalUnavailable, type Searches, type Submission } from '../../journal/journal.ts'
import type { CommittedOnce, RepeatKey } from '../../journal/repeats.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import type { Happenings } from '../../observe/happenings.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import { createSeldom } from '../../observe/seldom.ts'
import { type Servers, ServersUnavailable } from '../../servers/servers.ts'
import { ApiError } from '../errors.ts'
import type { Answer } from './answer.ts'
import { answerOutcomes } from './answer-outcomes.ts'
import type { Told } from './render-outcomes.ts'
import { createRepeatAnswers } from './repeat-answer.ts'
import type { SentEvent } from './sent-events.ts'

/** What the action is made of. */
export interface CreateEventsParts {
  readonly config: Pick<ApiConfig, 'allUnknown' | 'parkUnassignedMs'>
  readonly servers: Servers
  readonly journal: Journal
  readonly deliveries: Deliveries
  readonly metrics: Metrics
  readonly happenings: Happenings
  readonly log: Log
}

/** A POST that has passed every check. */
export interface CreateEvents {
  readonly sent: readonly SentEvent[]
  readonly requestId: string
  readonly globalRequestId: string | null
  /** What a repeat of it is known by; null: it is like no other. */
  readonly repeatKey: RepeatKey | null
  /** As it is kept with the events. */
  readonly microversion: string
  readonly mediaType: string
  readonly context: CallContext
}

/**
 * Events at most of requests that are under way: some 100 MB. They wait for databases and for the disk; beyond, one of these does not keep up,
 * and waiting longer helps nobody.
 */
const MOST_UNDER_WAY = 100_000
/** How often the log says at most that requests are refused: it may well be on the disk that is full. */
const SAY_MS = 1000

/** Seconds after which a sender may try again, where it would. */
const RETRY_AFTER = { 'Retry-After': '1' }

/**
 * POST /os-server-external-events: locate the servers, decide each event, make all of it durable, answer. What is a repeat is answered
 * as the first was, and nothing else is done for it. Throws a 503 when the servers cannot be located, the journal cannot write or too
 * much is under way: then nothing was accepted.
 */
export function createEventsAction({ config, servers, journal, deliveries, metrics, happenings, log }: CreateEventsParts) {
  const answerRepeat = createRepeatAnswers({ config, metrics })
  const seldom = createSeldom(SAY_MS)
  let underWay = 0
  const parkUs = config.parkUnassignedMs * 1000

  const accept = async (request: CreateEvents): Promise<Answer> => {
    const receivedAtUs = Date.now() * 1000
    const whereabouts = await servers.locate(serversOf(request.sent))
    const parkUntilUs = parkUs > 0 && deliveries.hasRoomToPark ? receivedAtUs + parkUs : null
    const decided = request.sent.map(
      (sent): Decided => ({ sent, outcome: decide(sent.event, placeOf(sent, whereabouts), parkUntilUs) }),
    )
    const submission = toSubmission(request, decided, receivedAtUs)
    const searches = deliveries.searches(submission)
    const committed = await commit(journal, { submission, repeatKey: request.repeatKey, searches })
    if (committed.kind !== 'kept') return answerRepeat(request, committed)
    deliveries.accepted({ submission, context: request.context, whereabouts, searches, passedOn: committed.passedOn })
    happenings.tell({ kind: 'accepted', submission })
    for (const { sent, outcome } of decided) metrics.decided(sent.event.name, outcome.code, 1)
    return answerOutcomes(decided, { mediaType: request.mediaType, allUnknown: config.allUnknown })
  }
  /** A repeat is answered also where its servers cannot be located any more. */
  const recall = async (request: CreateEvents): Promise<Answer | null> => {
    if (request.repeatKey === null) return null
    const committed = await journal.commitOnce(toSubmission(request, [], Date.now() * 1000), request.repeatKey)
    return committed.kind === 'kept' ? null : answerRepeat(request, committed)
  }

  return async (request: CreateEvents): Promise<Answer> => {
    const count = request.sent.length
    if (underWay > 0 && underWay + count > MOST_UNDER_WAY) {
      seldom((requests) => log.error({ requests, events: underWay }, 'requests were answered 503: too much is under way'))
      throw unavailable('Too much is under way now.')
    }
    underWay += count
    try {
      return await accept(request).catch(async (error: unknown) => {
        const answer = error instanceof ServersUnavailable ? await recall(request) : null
        if (answer === null) throw error
        return answer
      })
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble === null) throw error
      seldom((requests) => log.error({ err: error, requests }, `requests were answered 503: ${trouble}`))
      throw unavailable(`${trouble}.`)
    } finally {
      underWay -= count
    }
  }
}

/** What was decided for a sent event. */
interface Decided extends Told {
  readonly outcome: Outcome
}

interface ToCommit {
  readonly submission: Submission
  readonly repeatKey: RepeatKey | null
  readonly searches: Searches
}

async function commit(journal: Journal, { submission, repeatKey, searches }: ToCommit): Promise<CommittedOnce> {
  if (repeatKey !== null) return journal.commitOnce(submission, repeatKey, searches)
  return { kind: 'kept', passedOn: await journal.commit(submission, searches) }
}

function serversOf(sent: readonly SentEvent[]): readonly ServerId[] {
  const ids = sent.map(({ event }) => event.serverId)
  return ids.length === 1 ? ids : [...new Set(ids)]
}

const UNKNOWN: Whereabouts = { kind: 'unknown' }

function placeOf({ event }: SentEvent, whereabouts: ReadonlyMap<ServerId, Whereabouts>): Whereabouts {
  return whereabouts.get(event.serverId) ?? UNKNOWN
}

function toSubmission(request: CreateEvents, decided: readonly Decided[], receivedAtUs: number): Submission {
  const { userId, userName, projectId } = request.context.caller
  return {
    receivedAtUs,
    requestId: request.requestId,
    globalRequestId: request.globalRequestId,
    sender: { userId, userName, projectId },
    microversion: request.microversion,
    events: decided.map(({ sent, outcome }) => ({ id: uuidv7() as EventId, event: sent.event, outcome })),
  }
}

/** Trouble behind us, as the sender is told of it; null for what is none. */
function troubleOf(error: unknown): string | null {
  if (error instanceof ServersUnavailable) return 'Servers cannot be located now'
  if (error instanceof JournalUnavailable) return 'The journal cannot write now'
  return null
}

function unavailable(why: string): ApiError {
  return new ApiError('serviceUnavailable', `${why} Nothing was accepted; try again.`, RETRY_AFTER)
}
