import type { ServerId } from '../../events/event.ts'
import { errandOf } from '../../nova/action.ts'
import type { NovaDeliveries } from './cast-messages.ts'

/** A cast's place in the order of its servers. */
export interface Place {
  /** Resolves when the casts before it have left; null: none is waited for. */
  readonly before: Promise<unknown> | null
  /** It has left, or will not. */
  readonly leave: () => void
}

/**
 * Keeps the casts about one server in the order in which they came, though one waits until its instance action is written and the next
 * has none to wait for. Other servers' go their way.
 */
export interface ServerOrder {
  /** To be called when the cast comes. Whoever enters must leave. */
  enter(deliveries: NovaDeliveries): Place
}

const ALONE: Place = { before: null, leave: () => {} }

export function createServerOrder(): ServerOrder {
  /** The last of those that have something to wait for, by the servers that they are about. */
  const last = new Map<ServerId, Promise<void>>()
  return {
    enter: (deliveries) => {
      const waits = deliveries.some(({ delivery }) => errandOf(delivery.event).kind === 'action')
      if (!waits && last.size === 0) return ALONE
      const servers = new Set(deliveries.map(({ delivery }) => delivery.event.serverId))
      const earlier = [...servers].flatMap((id) => last.get(id) ?? [])
      const before = earlier.length === 0 ? null : Promise.all(earlier)
      if (!waits) return { before, leave: ALONE.leave }
      const { promise, resolve } = Promise.withResolvers<void>()
      for (const id of servers) last.set(id, promise)
      const leave = () => {
        for (const id of servers) if (last.get(id) === promise) last.delete(id)
        resolve()
      }
      return { before, leave }
    },
  }
}
