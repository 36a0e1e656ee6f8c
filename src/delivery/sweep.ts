import type { EventId, HostName } from '../events/event.ts'
import type { Delivery, Journal } from '../journal/journal.ts'
import type { Alarm, Alarms } from './alarms.ts'
import type { TimeToLive } from './time-to-live.ts'
import type { LaneQueue, Turns } from './turns.ts'

export interface SweepParts {
  readonly journal: Pick<Journal, 'open'>
  readonly alarms: Alarms
  readonly turns: Turns<LaneQueue>
  readonly timeToLive: TimeToLive
  /** The least time between two searches. */
  readonly sweepMs: number
}

export interface SweepListener {
  expired(deliveries: readonly Delivery[]): void
  /** The host has no open deliveries at all. */
  nothingLeft(): void
}

const PAGE = 256

/**
 * Ends what expires while a host's deliveries wait in the journal and nobody hears of it. It knows when the first of them expires, and
 * searches the journal only then.
 */
export class Sweep {
  readonly #host: HostName
  readonly #parts: SweepParts
  readonly #listener: SweepListener
  /** When the first of what waits expires; 0: not known. */
  #firstMs = Number.POSITIVE_INFINITY
  /** By the monotonic clock. */
  #notBeforeMs: number
  #alarm: Alarm | null = null
  #isOn = false
  /** Null while no search is under way. */
  #search: object | null = null

  constructor(host: HostName, parts: SweepParts, listener: SweepListener) {
    this.#host = host
    this.#parts = parts
    this.#listener = listener
    this.#notBeforeMs = this.#nextMs()
  }

  /** Something that expires then stays in the journal; 0 where that is not known. */
  note(expiresAtMs: number): void {
    if (expiresAtMs >= this.#firstMs) return
    this.#firstMs = expiresAtMs
    if (this.#isOn && this.#search === null) this.#arm()
  }

  start(): void {
    this.#isOn = true
    this.#arm()
  }

  stop(): void {
    this.#isOn = false
    this.#alarm?.cancel()
    if (this.#search === null) return
    // It had not found all.
    this.#search = null
    this.#firstMs = 0
  }

  /** Nothing waits any more. */
  reset(): void {
    this.stop()
    this.#firstMs = Number.POSITIVE_INFINITY
  }

  #nextMs(): number {
    return performance.now() + this.#parts.sweepMs * (0.5 + Math.random() / 2)
  }

  #arm(): void {
    this.#alarm?.cancel()
    if (this.#firstMs === Number.POSITIVE_INFINITY) return
    const delayMs = Math.max(this.#firstMs - Date.now(), this.#notBeforeMs - performance.now(), 0)
    this.#alarm = this.#parts.alarms.after(delayMs, () => {
      const search = {}
      this.#search = search
      this.#firstMs = Number.POSITIVE_INFINITY
      this.#read(search, null)
    })
  }

  /** A page of a search: one turn each, so that hosts with much do not keep others waiting. */
  #read(search: object, after: EventId | null): void {
    this.#parts.turns.take('sweep', async () => {
      if (search !== this.#search) return
      const page = await this.#parts.journal.open(this.#host, after, PAGE).catch(() => null)
      if (search !== this.#search) return
      if (page !== null) this.#deal(page)
      const last = page?.at(-1)
      if (page?.length === PAGE && last !== undefined) return this.#read(search, last.eventId)
      this.#search = null
      this.#notBeforeMs = this.#nextMs()
      // It cannot be read now.
      if (page === null) this.#firstMs = 0
      if (this.#firstMs === Number.POSITIVE_INFINITY) this.#listener.nothingLeft()
      else this.#arm()
    })
  }

  #deal(page: readonly Delivery[]): void {
    const { expiresAtMs } = this.#parts.timeToLive
    const nowMs = Date.now()
    const expired = page.filter((delivery) => expiresAtMs(delivery) <= nowMs)
    if (expired.length > 0) this.#listener.expired(expired)
    for (const delivery of page) if (expiresAtMs(delivery) > nowMs) this.note(expiresAtMs(delivery))
  }
}
