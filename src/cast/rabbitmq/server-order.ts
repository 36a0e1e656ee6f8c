import { ShortLivedMap } from '../../lib/short-lived-map.ts'
import type { NovaDeliveries } from './cast-messages.ts'

/** A cast's place in the order of its servers. */
export interface Place {
  /** Resolves when nothing before it is to be waited for any more: whether all of that has left. Null: there is nothing. */
  readonly before: Promise<boolean> | null
  /** Whether it has left, or will not. The first word counts. */
  readonly leave: (hasLeft: boolean) => void
}

/**
 * Keeps the casts about one server to one host in the order in which they came, though one waits until its instance action is written
 * and the next has none to wait for. A cast has a place for each of its servers, and waits for one of them with all. What is behind one
 * that does not leave is not to leave either: it would have to leave again. Other servers go their way.
 */
export interface ServerOrder {
  /** To be called when the cast comes. Whoever enters must leave. */
  enter(deliveries: NovaDeliveries): Place
}

export function createServerOrder(): ServerOrder {
  /** The last of those that have not left, by host and server. */
  const last = new ShortLivedMap<string, Promise<boolean>>()
  return {
    enter: (deliveries) => {
      const keys = new Set(deliveries.map(({ delivery: { host, event } }) => `${event.serverId} ${host}`))
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const earlier = new Set<Promise<boolean>>()
      for (const key of keys) {
        const before = last.get(key)
        if (before !== undefined) earlier.add(before)
        last.set(key, promise)
      }
      const before = earlier.size === 0 ? null : Promise.all(earlier).then((all) => all.every((hasLeft) => hasLeft))
      const free = (hasLeft: boolean) => {
        for (const key of keys) if (last.get(key) === promise) last.delete(key)
        resolve(hasLeft)
      }
      // Who gives up may stand behind one that waits still.
      return { before, leave: before === null ? free : (hasLeft) => void before.then(() => free(hasLeft)) }
    },
  }
}
