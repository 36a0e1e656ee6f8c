import type { Deliveries } from '../delivery/delivery.ts'
import type { Destination, EventId, ServerId, Whereabouts } from '../events/event.ts'
import type { EventQuery, EventRecord, Journal, Sender } from '../journal/journal.ts'
import type { Happenings } from '../observe/happenings.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Servers } from '../servers/servers.ts'
import { type Planned, plan, toSubmissions } from './plan.ts'
import { toVerdict } from './verdict.ts'

/** Who replays, and in which run. */
export interface ReplayOrder {
  readonly by: Sender
  /** `req-UUID`: an event is replayed at most once in a run, so that what was asked and not answered can be asked again. */
  readonly run: string
  /** Only tells what would be done. */
  readonly isDry: boolean
}

/** What became of an event that was to be replayed. */
export interface ReplayAnswer {
  readonly record: EventRecord
  readonly fate: /** `replay` is null in a dry run; there are no destinations where the server is to be located later. */
    | { readonly kind: 'replayed'; readonly replay: EventId | null; readonly destinations: readonly Destination[] }
    /** An earlier try of this run did it. */
    | { readonly kind: 'done'; readonly replay: EventId }
    | { readonly kind: 'left-out'; readonly reason: string }
}

/** What became of the events of a page, and the last that was looked at: null where nothing is behind it. */
export interface ReplayPage {
  readonly answers: readonly ReplayAnswer[]
  readonly last: EventId | null
}

/**
 * Delivers again what had ended. Durable when resolved; all of it or nothing. Rejects with `JournalUnavailable` or `ServersUnavailable`:
 * where it is not known whether it was kept, the same can be asked again in the same run.
 */
export interface Replayer {
  /** Null: there is no such event. */
  one(id: EventId, order: ReplayOrder): Promise<ReplayAnswer | null>
  /** The next page of what a query finds, the oldest first. */
  page(query: Omit<EventQuery, 'order'>, order: ReplayOrder): Promise<ReplayPage>
}

export interface ReplayerParts {
  readonly journal: Pick<Journal, 'commitAll' | 'event' | 'search'>
  readonly servers: Servers
  readonly deliveries: Pick<Deliveries, 'accepted' | 'searches'>
  readonly happenings: Happenings
  readonly metrics: Pick<Metrics, 'replayed'>
  readonly log: Log
}

/**
 * A replay is an event of its own, accepted now: it has an id, a time to live and a place in the order of its server of its own, and
 * goes where the server is now. Of the original nothing changes. Why: docs/decisions/0016-replays.md.
 */
export function createReplayer({ journal, servers, deliveries, happenings, metrics, log }: ReplayerParts): Replayer {
  const locate = async (records: readonly EventRecord[]): Promise<ReadonlyMap<ServerId, Whereabouts>> => {
    const ids = new Set(records.map(({ event }) => event.serverId))
    return ids.size === 0 ? new Map() : await servers.locate([...ids])
  }
  const commit = async (planned: readonly Planned[], order: ReplayOrder, whereabouts: ReadonlyMap<ServerId, Whereabouts>) => {
    const submissions = toSubmissions(planned, order, Date.now() * 1000)
    const all = submissions.map(deliveries.searches)
    const searches = {
      strays: new Set(all.flatMap(({ strays }) => [...strays])),
      urgent: new Set(all.flatMap(({ urgent }) => [...urgent])),
    }
    const passedOn = await journal.commitAll(submissions, searches)
    for (const [i, submission] of submissions.entries()) {
      deliveries.accepted({ submission, context: null, whereabouts, searches, passedOn: passedOn[i] ?? [] })
      happenings.tell({ kind: 'accepted', submission })
    }
  }
  const replay = async (records: readonly EventRecord[], order: ReplayOrder): Promise<readonly ReplayAnswer[]> => {
    const whereabouts = await locate(records.filter((record) => toVerdict(record, order.run).kind === 'ready'))
    const planned = plan(records, order, whereabouts)
    if (order.isDry) return planned.map(({ answer }) => answer)
    await commit(planned, order, whereabouts)
    const replayed = planned.filter(({ decided }) => decided !== null).length
    const leftOut = planned.filter(({ answer }) => answer.fate.kind === 'left-out').length
    metrics.replayed('replayed', replayed)
    metrics.replayed('left_out', leftOut)
    if (planned.length > 0) log.info({ run: order.run, by: order.by.userId, replayed, leftOut }, 'events were replayed')
    return planned.map(({ answer }) => answer)
  }
  return {
    one: async (id, order) => {
      const record = await journal.event(id)
      if (record === null) return null
      const [answer] = await replay([record], order)
      return answer ?? { record, fate: { kind: 'left-out', reason: 'it is one of the replays of this run' } }
    },
    page: async (query, order) => {
      const records = await journal.search({ ...query, order: 'oldest' })
      const answers = await replay(records, order)
      return { answers, last: records.length < query.limit ? null : (records.at(-1)?.id ?? null) }
    },
  }
}
