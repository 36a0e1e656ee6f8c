import type { ServerId } from '../events/event.ts'
import type { Alarm, Alarms } from './alarms.ts'
import { type Backoff, retryDelayMs } from './backoff.ts'

export interface HeldParts {
  readonly alarms: Alarms
  readonly retry: Backoff
  /** Whether something of the server is still on its way. */
  isUnderWay(server: ServerId): boolean
  /** These servers' deliveries may go on. */
  onReleased(): void
}

/**
 * Servers whose deliveries wait because one of them was refused for its own sake, or lacks what others do not need: nothing of a server
 * overtakes what came earlier, and nothing of other servers has to wait for it.
 */
export class Held {
  readonly #parts: HeldParts
  readonly #servers = new Map<ServerId, Alarm>()
  /** Of those that lack something: how often in a row, and what. */
  readonly #lacking = new Map<ServerId, { readonly times: number; readonly reason: string }>()

  constructor(parts: HeldParts) {
    this.#parts = parts
  }

  get isEmpty(): boolean {
    return this.#servers.size === 0
  }

  has(server: ServerId): boolean {
    return this.#servers.has(server)
  }

  /** Until a wait is over, as long as after so many failures in a row, and nothing of the server is under way. */
  hold(server: ServerId, failures: number): void {
    const { alarms, retry } = this.#parts
    this.#servers.get(server)?.cancel()
    const alarm = alarms.after(retryDelayMs(retry, failures), () => {
      if (this.#parts.isUnderWay(server)) return this.hold(server, failures)
      this.#servers.delete(server)
      this.#parts.onReleased()
    })
    this.#servers.set(server, alarm)
  }

  /** The same for one that lacks something, each time for longer, until `taken`. Answers whether it lacked something else before, or nothing. */
  holdLacking(server: ServerId, reason: string): boolean {
    const before = this.#lacking.get(server)
    const times = (before?.times ?? 0) + 1
    this.#lacking.set(server, { times, reason })
    this.hold(server, times)
    return before?.reason !== reason
  }

  /** The host has something of this server. */
  taken(server: ServerId): void {
    if (this.#lacking.size > 0) this.#lacking.delete(server)
  }
}
