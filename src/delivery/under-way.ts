import type { EventId, ServerId } from '../events/event.ts'
import type { Delivery } from '../journal/journal.ts'
import { ShortLivedMap } from '../lib/short-lived-map.ts'

interface Entry {
  readonly delivery: Delivery
  /** When it counts as not acknowledged, by the monotonic clock; infinite while no acknowledgement is awaited. */
  readonly ackDueMs: number
}

/** One that has to go out again. */
export interface Late {
  readonly delivery: Delivery
  /** It is the first of its server that was not acknowledged in time; the others only come behind it. */
  readonly isCause: boolean
  /** When it counted as not acknowledged, by the monotonic clock. */
  readonly ackDueMs: number
}

/** Deliveries to one host that are in memory, until the journal has ended them: in the order in which they last left. */
export class UnderWay {
  readonly #entries = new ShortLivedMap<EventId, Entry>()
  /** The journal is ending these, which never left. */
  readonly #ending = new Set<EventId>()

  /** Without those that are only ending. */
  get size(): number {
    return this.#entries.size
  }

  has(id: EventId): boolean {
    return this.#entries.has(id) || this.#ending.has(id)
  }

  hasServer(id: ServerId): boolean {
    for (const { delivery } of this.#entries.values()) if (delivery.event.serverId === id) return true
    return false
  }

  /** Adds deliveries that are cast, or that the journal is ending. */
  add(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#entries.set(delivery.eventId, { delivery, ackDueMs: Number.POSITIVE_INFINITY })
  }

  /** Adds what the journal is ending without its having left: it takes no room. */
  addEnding(ids: readonly EventId[]): void {
    for (const id of ids) this.#ending.add(id)
  }

  /** The host has this one; it is late when it is not acknowledged by then. */
  awaitAcknowledgement(delivery: Delivery, ackDueMs: number): void {
    this.#entries.set(delivery.eventId, { delivery, ackDueMs })
  }

  delete(id: EventId): void {
    this.#entries.delete(id)
    this.#ending.delete(id)
  }

  /** All of them, and which the host has without having acknowledged them. Nothing is under way after that. */
  takeAll(): { readonly all: readonly Delivery[]; readonly unacknowledged: readonly Delivery[] } {
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    return {
      all: entries.map(({ delivery }) => delivery),
      unacknowledged: entries.filter(isAwaited).map(({ delivery }) => delivery),
    }
  }

  /** Removes those that are late, and with them what the host has of the same servers: it has to come behind them again. */
  takeLate(nowMs: number): readonly Late[] {
    const awaited = [...this.#entries.values()].filter(isAwaited)
    const causes = new Map<ServerId, EventId>()
    for (const { delivery, ackDueMs } of awaited) {
      const { serverId } = delivery.event
      if (ackDueMs <= nowMs && !causes.has(serverId)) causes.set(serverId, delivery.eventId)
    }
    const late = awaited.filter(({ delivery }) => causes.has(delivery.event.serverId))
    for (const { delivery } of late) this.#entries.delete(delivery.eventId)
    return late.map((entry) => ({ ...entry, isCause: causes.get(entry.delivery.event.serverId) === entry.delivery.eventId }))
  }

  /** When the next one is late; infinite where none can be. */
  nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { ackDueMs } of this.#entries.values()) next = Math.min(next, ackDueMs)
    return next
  }
}

function isAwaited({ ackDueMs }: Entry): boolean {
  return ackDueMs !== Number.POSITIVE_INFINITY
}
