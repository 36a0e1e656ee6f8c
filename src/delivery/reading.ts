import type { Caster } from '../cast/cast.ts'
import type { CellId, EventId, ServerId } from '../events/event.ts'
import type { Delivery } from '../journal/journal.ts'
import type { Servers } from '../servers/servers.ts'
import type { Page } from './page.ts'
import type { LaneQueue, Turns } from './turns.ts'

export interface ReadingParts {
  readonly caster: Pick<Caster, 'isFinal'>
  readonly servers: Servers
  readonly turns: Turns<LaneQueue>
  /** Whether it is still wanted, now that its turn has come. */
  isWanted(): boolean
  read(): Promise<readonly Delivery[]>
}

export interface ReadingListener {
  page(page: Page): void
  /** It was a stranger's turn: to be read again. */
  again(): void
  failed(reason: string): void
  /** It has come to its end, whatever that was. */
  done(): void
}

/** Reads what waits for a host: one page at a time, in its turn, together with where the servers are now. */
export class Reading {
  readonly #parts: ReadingParts
  readonly #listener: ReadingListener
  /** Whose database is asked where the servers are; undefined until something was read. */
  #cell: CellId | null | undefined = undefined
  #isUnderWay = false
  /** Raised when what is being read is not wanted any more. */
  #epoch = 0
  /** Ended while a page was being read, which may still hold them. */
  readonly #gone = new Set<EventId>()

  constructor(parts: ReadingParts, listener: ReadingListener) {
    this.#parts = parts
    this.#listener = listener
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Tells of the next page, unless it is abandoned meanwhile. */
  begin(): void {
    this.#isUnderWay = true
    this.#parts.turns.take(this.#cell, () => this.#read())
  }

  /** What is being read is not wanted. */
  abandon(): void {
    this.#epoch++
  }

  /** The journal has ended this one. */
  ended(id: EventId): void {
    if (this.#isUnderWay) this.#gone.add(id)
  }

  async #read(): Promise<void> {
    const epoch = this.#epoch
    this.#gone.clear()
    try {
      if (this.#parts.isWanted()) await this.#readPage(epoch)
    } catch (error) {
      if (epoch === this.#epoch) this.#listener.failed(error instanceof Error ? error.message : String(error))
    }
    this.#isUnderWay = false
    this.#listener.done()
  }

  async #readPage(epoch: number): Promise<void> {
    const { caster, servers } = this.#parts
    const deliveries = await this.#parts.read()
    if (this.#isStranger(deliveries)) return this.#listener.again()
    const serverIds = new Set<ServerId>(deliveries.map(({ event }) => event.serverId))
    const whereabouts = caster.isFinal && serverIds.size > 0 ? await servers.locate([...serverIds]) : null
    if (epoch === this.#epoch) this.#listener.page({ deliveries, whereabouts, isGone: (id) => this.#gone.has(id) })
  }

  /**
   * Whether it is known only now whose turn this was: a cell that answers slowly must not keep the hosts of others waiting. It is
   * read again in the queue of its cell.
   */
  #isStranger(deliveries: readonly Delivery[]): boolean {
    const [first] = deliveries
    if (!this.#parts.caster.isFinal || first === undefined || first.cell === this.#cell) return false
    this.#cell = first.cell
    return true
  }
}
