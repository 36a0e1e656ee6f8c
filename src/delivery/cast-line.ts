import type { Cast, Caster, CastResult } from '../cast/cast.ts'
import type { Log } from '../observe/log.ts'
import type { Load } from './load.ts'

export interface CastLineParts {
  readonly caster: Pick<Caster, 'cast'>
  readonly log: Log
  readonly load: Pick<Load, 'begun' | 'ended'>
  /** One of them has its result. */
  readonly onSettled: () => void
}

/** What a line tells, in the order of the casts: nothing of one before those that were made earlier have their result. */
export interface CastLineListener {
  result(cast: Cast, result: CastResult): void
  /** Results were told, all that are there. */
  settled(): void
}

interface Casting {
  readonly cast: Cast
  result: CastResult | null
}

/** The casts to one host that wait for their result. They are all on their way at once. */
export class CastLine {
  readonly #parts: CastLineParts
  readonly #listener: CastLineListener
  #waiting: Casting[] = []

  constructor(parts: CastLineParts, listener: CastLineListener) {
    this.#parts = parts
    this.#listener = listener
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  add(cast: Cast): void {
    const { caster, load, log, onSettled } = this.#parts
    const casting: Casting = { cast, result: null }
    this.#waiting.push(casting)
    load.begun(cast.cell)
    const settle = (result: CastResult) => {
      casting.result = result
      load.ended(cast.cell)
      onSettled()
      this.#tell()
    }
    caster.cast(cast).then(settle, (error: unknown) => {
      log.error({ err: error, host: cast.host }, 'a caster broke its promise never to reject')
      settle({ kind: 'away', reason: String(error) })
    })
  }

  /** What becomes of the casts under way does not matter any more. */
  abandon(): void {
    this.#waiting = []
  }

  #tell(): void {
    const isFirst = this.#waiting[0]?.result !== null
    if (!isFirst) return
    for (let first = this.#waiting[0]; first !== undefined && first.result !== null; first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#listener.result(first.cast, first.result)
    }
    this.#listener.settled()
  }
}
