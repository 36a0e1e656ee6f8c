import type { ServerId } from '../../events/event.ts'
import { ShortLivedMap } from '../../lib/short-lived-map.ts'
import type { NovaDeliveries } from './cast-messages.ts'

/** A cast's place in the order of its servers. */
export interface Place {
  /** Resolves when the casts before it have left; null: there are none. */
  readonly before: Promise<unknown> | null
  /** It has left, or will not. Repeats are harmless. */
  readonly leave: () => void
}

/**
 * Keeps the casts about one server in the order in which they came, though one waits until its instance action is written and the next
 * has none to wait for. A cast has a place for each of its servers, and waits for one of them with all. Other servers go their way.
 */
export interface ServerOrder {
  /** To be called when the cast comes. Whoever enters must leave. */
  enter(deliveries: NovaDeliveries): Place
}

export function createServerOrder(): ServerOrder {
  /** The last of those that have not left, by the servers that they are about. */
  const last = new ShortLivedMap<ServerId, Promise<void>>()
  return {
    enter: (deliveries) => {
      const servers = new Set(deliveries.map(({ delivery }) => delivery.event.serverId))
      const { promise, resolve } = Promise.withResolvers<void>()
      const earlier = new Set<Promise<void>>()
      for (const id of servers) {
        const before = last.get(id)
        if (before !== undefined) earlier.add(before)
        last.set(id, promise)
      }
      const before = earlier.size === 0 ? null : Promise.all(earlier)
      const free = () => {
        for (const id of servers) if (last.get(id) === promise) last.delete(id)
        resolve()
      }
      // Who will not leave at all, for a fault of its own, may stand behind one that waits still.
      return { before, leave: before === null ? free : () => void before.then(free) }
    },
  }
}
