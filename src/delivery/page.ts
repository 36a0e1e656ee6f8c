import type { EventId, ServerId, Whereabouts } from '../events/event.ts'
import { isAwaited, merges } from '../events/names.ts'
import type { Delivery } from '../journal/journal.ts'

/** Open deliveries as they were read, with where their servers are now. */
export interface Page {
  /** In the order in which they are to be dealt with. */
  readonly deliveries: readonly Delivery[]
  /** Null where casts go to the host that was found when it was accepted. */
  readonly whereabouts: ReadonlyMap<ServerId, Whereabouts> | null
  /** Whether this one ended while the page was being read. */
  isGone(id: EventId): boolean
}

/**
 * The same, with awaited events first. What is about one server stays in its order: its earlier deliveries come along to the front.
 */
export function awaitedFirst(deliveries: readonly Delivery[]): readonly Delivery[] {
  const lastAwaited = new Map<ServerId, number>()
  for (const [i, { event }] of deliveries.entries()) if (isAwaited(event.name)) lastAwaited.set(event.serverId, i)
  if (lastAwaited.size === 0) return deliveries
  const isFirst = ({ event }: Delivery, i: number) => i <= (lastAwaited.get(event.serverId) ?? -1)
  return [...deliveries.filter(isFirst), ...deliveries.filter((each, i) => !isFirst(each, i))]
}

/** Those that need not be made, each with the newest that says the same. What has left before is never among them. */
export function outdatedAmong(deliveries: readonly Delivery[]): ReadonlyMap<EventId, EventId> {
  const outdated = new Map<EventId, EventId>()
  const newest = new Map<string, EventId>()
  for (const { eventId, event, attempts } of deliveries.toReversed()) {
    if (attempts > 0 || !merges(event.name)) continue
    const key = JSON.stringify([event.serverId, event.name, event.tag])
    const by = newest.get(key)
    if (by === undefined) newest.set(key, eventId)
    else outdated.set(eventId, by)
  }
  return outdated
}
