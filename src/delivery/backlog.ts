import type { Caster } from '../cast/cast.ts'
import type { EventId, HostName } from '../events/event.ts'
import type { AwaitedPage, Journal } from '../journal/journal.ts'
import type { Servers } from '../servers/servers.ts'
import type { Page } from './page.ts'
import { Reading } from './reading.ts'
import type { LaneQueue, Turns } from './turns.ts'

export interface BacklogParts {
  readonly caster: Pick<Caster, 'isFinal'>
  readonly journal: Pick<Journal, 'open' | 'awaited'>
  readonly servers: Servers
  readonly turns: Turns<LaneQueue>
  /** Of those who read awaited events: they do not wait for the others. */
  readonly awaitedTurns: Turns<LaneQueue>
}

/** What was made of a page. */
export interface Dealt {
  /** How many of it, from the first as it was read, need not be read again. */
  readonly done: number
  /** How many left or ended just now. */
  readonly taken: number
}

export interface BacklogListener {
  /** Whether what waits is to be read now. */
  isWanted(): boolean
  /** Resolves when the journal has what was said of these deliveries. */
  recorded(): Promise<void>
  deal(page: Page, isAwaited: boolean): Dealt
  /** There is more than a page. */
  isMuch(): void
  allRead(): void
  failed(reason: string): void
  /** Something has come to its end: it may go on. */
  goOn(): void
}

/** Deliveries read at once at most; fewer where there is room for few. */
const PAGE = 256
const LEAST = 64

/**
 * What one host has in the journal, read behind two cursors: all of it in the order of the commits, and ahead of that the awaited
 * events with what stands before each of its server. Whoever deals with it passes over what is under way, so that it does not matter
 * which of the two brings a delivery, or that both do.
 */
export class Backlog {
  readonly #listener: BacklogListener
  readonly #all: Reading
  readonly #awaited: Reading
  /** Raised when reading begins anew. */
  #pass = 0
  /** The last that was dealt with. */
  #cursor: EventId | null = null
  /** Something was accepted that the reading under way may not have found. */
  #isMore = false
  #limit = PAGE
  #awaitedCursor: EventId | null = null
  #isAwaitedMore = false
  /** What can be read of those is under way already: there is more when some of it has ended. */
  #isAwaitedStuck = false
  #awaitedPage: AwaitedPage | null = null

  constructor(host: HostName, parts: BacklogParts, listener: BacklogListener) {
    const { journal, turns, awaitedTurns } = parts
    this.#listener = listener
    const { isWanted, failed, goOn } = listener
    this.#all = new Reading(
      {
        ...{ ...parts, turns, isWanted },
        read: async () => {
          this.#isMore = false
          await listener.recorded()
          return journal.open(host, this.#cursor, this.#limit)
        },
      },
      {
        ...{ failed, done: goOn },
        page: (page) => this.#dealAll(page),
        again: () => {
          this.#isMore = true
        },
      },
    )
    this.#awaited = new Reading(
      {
        ...{ ...parts, turns: awaitedTurns, isWanted },
        read: async () => {
          this.#isAwaitedMore = false
          await listener.recorded()
          this.#awaitedPage = await journal.awaited(host, this.#awaitedCursor, LEAST)
          return this.#awaitedPage.deliveries
        },
      },
      {
        ...{ failed, done: goOn },
        page: (page) => this.#dealAwaited(page),
        again: () => {
          this.#isAwaitedMore = true
        },
      },
    )
  }

  get isReading(): boolean {
    return this.#all.isUnderWay || this.#awaited.isUnderWay
  }

  /** Something more stays in the journal. */
  left(hasAwaited: boolean): void {
    this.#isMore = true
    this.#isAwaitedMore ||= hasAwaited
  }

  /** Reads from the beginning. */
  rewind(): void {
    this.abandon()
    this.#cursor = null
    this.#awaitedCursor = null
    this.#isAwaitedMore = false
    this.#isAwaitedStuck = false
  }

  /** What is being read is not wanted. */
  abandon(): void {
    this.#pass++
    this.#all.abandon()
    this.#awaited.abandon()
  }

  /** The journal has ended this one. */
  ended(id: EventId): void {
    this.#all.ended(id)
    this.#awaited.ended(id)
    this.notStuck()
  }

  /** Something is not under way any more. */
  notStuck(): void {
    this.#isAwaitedMore ||= this.#isAwaitedStuck
    this.#isAwaitedStuck = false
  }

  /** Reads on, where there is room for more. */
  readOn(room: { readonly all: number; readonly awaited: number }): void {
    if (this.#isAwaitedMore && room.awaited > 0 && !this.#awaited.isUnderWay) this.#awaited.begin()
    if (room.all === 0 || this.#all.isUnderWay) return
    this.#limit = Math.min(PAGE, Math.max(LEAST, room.all))
    this.#all.begin()
  }

  #dealAll(page: Page): void {
    const { deliveries } = page
    const pass = this.#pass
    const isFull = deliveries.length === this.#limit
    if (isFull && this.#cursor === null) {
      this.#isAwaitedMore = true
      this.#listener.isMuch()
    }
    const { done } = this.#listener.deal(page, false)
    if (pass !== this.#pass) return
    this.#cursor = deliveries[done - 1]?.eventId ?? this.#cursor
    if (done === deliveries.length && !isFull && !this.#isMore) this.#listener.allRead()
  }

  #dealAwaited(page: Page): void {
    const about = this.#awaitedPage
    const pass = this.#pass
    const { done, taken } = this.#listener.deal(page, true)
    if (pass !== this.#pass || about === null) return
    const isAll = done === page.deliveries.length
    const isMore = !isAll || about.isMore
    const isStuck = isAll && isMore && taken === 0 && about.cursor === this.#awaitedCursor
    if (isAll) this.#awaitedCursor = about.cursor
    if (isStuck) this.#isAwaitedStuck = true
    else this.#isAwaitedMore ||= isMore
  }
}
