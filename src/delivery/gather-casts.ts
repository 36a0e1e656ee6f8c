import type { Cast } from '../cast/cast.ts'
import type { CellId, HostName, ServerId } from '../events/event.ts'
import type { Delivery } from '../journal/journal.ts'
import type { KnownInstance } from './route.ts'

/**
 * Makes casts of deliveries from the journal: one for what one request has for the host, as it was when it came. What was refused
 * before goes alone, so that only what is at fault is refused again.
 */
export interface CastGatherer {
  /** In the order of the journal. */
  add(delivery: Delivery, cell: CellId | null, instance: KnownInstance): void
  readonly all: readonly Cast[]
}

export function gatherCasts(host: HostName): CastGatherer {
  const casts: Cast[] = []
  let last: {
    deliveries: [Delivery, ...Delivery[]]
    instances: Map<ServerId, NonNullable<KnownInstance>>
    cell: CellId | null
  } | null = null
  return {
    add: (delivery, cell, instance) => {
      const isAlone = delivery.tries > 0 || (last?.deliveries[0].tries ?? 0) > 0
      if (last !== null && !isAlone && last.deliveries[0].requestId === delivery.requestId && last.cell === cell)
        last.deliveries.push(delivery)
      else {
        last = { deliveries: [delivery], instances: new Map(), cell }
        casts.push({ host, context: null, ...last })
      }
      if (instance !== null) last.instances.set(delivery.event.serverId, instance)
    },
    all: casts,
  }
}
