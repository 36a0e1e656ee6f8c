import type { Cast } from '../cast/cast.ts'
import type { EventId, HostName } from '../events/event.ts'
import type { Delivery } from '../journal/journal.ts'
import { uuidv7 } from '../lib/uuid.ts'

/**
 * What a life leaves behind that is killed may have left it: between a cast and its record there is a moment. Hosts are told so: what
 * others left, and is not known to have been dispatched, counts as dispatched once. It may be a repeat, and need not be one.
 */
export interface Doubts {
  /** What there is for these hosts was left by others. */
  inherited(hosts: readonly HostName[]): void
  /** The cast as its host is to see it. */
  mark(cast: Cast): Cast
}

export function createDoubts(): Doubts {
  /** For each host, the first id that was not given yet when it was inherited. */
  const bounds = new Map<HostName, EventId>()
  return {
    inherited: (hosts) => {
      if (hosts.length === 0) return
      const bound = uuidv7() as EventId
      for (const host of hosts) bounds.set(host, bound)
    },
    mark: (cast) => {
      // One with a context is of an event that was accepted in this moment.
      const bound = cast.context === null ? bounds.get(cast.host) : undefined
      if (bound === undefined) return cast
      const mark = (each: Delivery) => (each.attempts === 0 && each.eventId < bound ? { ...each, attempts: 1 } : each)
      const [first, ...others] = cast.deliveries
      return { ...cast, deliveries: [mark(first), ...others.map(mark)] }
    },
  }
}
