import type { Delivery } from '../journal/journal.ts'
import type { Alarm, Alarms } from './alarms.ts'
import type { Recorder } from './recorder.ts'
import type { Late, UnderWay } from './under-way.ts'

export interface AcknowledgementsParts {
  readonly underWay: UnderWay
  readonly alarms: Alarms
  readonly recorder: Pick<Recorder, 'isBehind'>
  /** How long an agent may take. */
  readonly timeoutMs: number
  /** These were not acknowledged in time, and are not under way any more; whether the host has acknowledged others since one left. */
  onLate(late: readonly Late[], isHeardSince: (late: Late) => boolean): void
}

/** Waits for an agent's acknowledgements: one alarm, that rings for the first that is due. */
export class Acknowledgements {
  readonly #parts: AcknowledgementsParts
  #alarm: Alarm | null = null
  #heardAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: AcknowledgementsParts) {
    this.#parts = parts
  }

  /** The host has these. */
  await(deliveries: readonly Delivery[]): void {
    const dueMs = performance.now() + this.#parts.timeoutMs
    for (const delivery of deliveries) this.#parts.underWay.awaitAcknowledgement(delivery, dueMs)
    this.#arm(dueMs)
  }

  /** The host has acknowledged something. */
  heard(): void {
    this.#heardAtMs = performance.now()
  }

  /** Nothing is awaited any more. */
  stop(): void {
    this.#alarm?.cancel()
    this.#alarm = null
  }

  #arm(dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) return
    const { alarms, recorder, underWay, timeoutMs, onLate } = this.#parts
    this.#alarm ??= alarms.after(dueMs - performance.now(), () => {
      this.#alarm = null
      // While the journal has trouble no agent can acknowledge anything: none of them is late.
      if (recorder.isBehind) return this.#arm(performance.now() + timeoutMs)
      onLate(underWay.takeLate(performance.now()), ({ ackDueMs }) => this.#heardAtMs > ackDueMs - timeoutMs)
      this.#arm(underWay.nextDueMs())
    })
  }
}
