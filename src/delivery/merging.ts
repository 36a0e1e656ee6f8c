import type { HostName } from '../events/event.ts'
import type { Journal, Outdated } from '../journal/journal.ts'
import type { Alarm, Alarms } from './alarms.ts'
import type { LaneQueue, Turns } from './turns.ts'

export interface MergingParts {
  readonly journal: Pick<Journal, 'outdated'>
  readonly alarms: Alarms
  readonly turns: Turns<LaneQueue>
  /** The least time between two searches. */
  readonly everyMs: number
  /** Ends those that wait; resolves when that is durable. */
  supersede(outdated: readonly Outdated[]): Promise<void>
}

/** So few are not searched for: they are found when they are read to be cast. */
const LEAST = 64
/** Found at once, and ended at once: more steps would keep commits waiting. */
const MOST_FOUND = 10_000
const MOST_ENDED = 500

/**
 * Ends deliveries that wait in the journal in vain, because a newer event of the same server, name and tag waits behind them. The
 * journal is searched when as many have come as were left after the last search: twice the backlog costs one more.
 */
export class Merging {
  readonly #host: HostName
  readonly #parts: MergingParts
  /** Events that merge, left in the journal since the last search, and before. */
  #fresh = 0
  #known = 0
  #alarm: Alarm | null = null
  /** Null while none is under way. */
  #search: object | null = null

  constructor(host: HostName, parts: MergingParts) {
    this.#host = host
    this.#parts = parts
  }

  /** So many more that merge stay in the journal. */
  note(count: number): void {
    this.#fresh += count
    if (this.#fresh < Math.max(LEAST, this.#known) || this.#alarm !== null || this.#search !== null) return
    const { alarms, everyMs } = this.#parts
    this.#alarm = alarms.after(everyMs * (0.5 + Math.random() / 2), () => {
      this.#alarm = null
      this.#begin()
    })
  }

  /** There is more in the journal than is known. */
  noteUnknown(): void {
    if (this.#known === 0) this.note(Math.max(LEAST - this.#fresh, 0))
  }

  /** Nothing waits any more. */
  reset(): void {
    this.#alarm?.cancel()
    this.#alarm = null
    this.#search = null
    this.#fresh = 0
    this.#known = 0
  }

  #begin(): void {
    const search = {}
    this.#search = search
    this.#known += this.#fresh
    this.#fresh = 0
    this.#parts.turns.take('sweep', async () => {
      const found = search === this.#search ? await this.#find() : []
      for (let i = 0; i < found.length && search === this.#search; i += MOST_ENDED)
        await this.#parts.supersede(found.slice(i, i + MOST_ENDED))
      if (search !== this.#search) return
      this.#search = null
      this.#known = Math.max(this.#known - found.length, 0)
      // There are more.
      this.note(found.length === MOST_FOUND ? this.#known : 0)
    })
  }

  async #find(): Promise<readonly Outdated[]> {
    try {
      return await this.#parts.journal.outdated(this.#host, MOST_FOUND)
    } catch {
      // It cannot be read now; it will when more has come.
      return []
    }
  }
}
