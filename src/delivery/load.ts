import type { Caster } from '../cast/cast.ts'
import type { CellId } from '../events/event.ts'
import type { LaneQueue } from './turns.ts'

/** The casts of all lanes that wait for their result: how many they are bounds memory. */
export interface Load {
  /** Of all cells. */
  readonly casts: number
  /** One more of this cell is on its way. */
  begun(cell: CellId | null): void
  /** It has its result. */
  ended(cell: CellId | null): void
  /**
   * Whether more may be cast to this cell, or read to be cast: what is accepted beyond that stays in the journal. Who only reads, to learn
   * of which cell a host is or what has expired, always may.
   */
  hasRoom(queue: LaneQueue, isAwaited: boolean): boolean
}

/** Casts that may wait at the same time; so many more of what is awaited. */
const MOST = 5000
const MORE_AWAITED = 1000
/**
 * A cell may have twice what all together leave free: one alone two thirds of the whole, which a broker that confirms never needs, two of
 * them two fifths each. So cells whose brokers are silent leave room for the others, however many they are, and without a number for each.
 */
const SHARE = 2
/** So many a cell may have whatever the others do: readers that have begun may cast more than there is room for. */
const LEAST = 32

/** Nothing is on its way yet. Where casts go to agents and not to the brokers of cells (`isFinal` of the caster) all is as of one cell. */
export function createLoad({ isFinal }: Pick<Caster, 'isFinal'>): Load {
  const counts = new Map<LaneQueue, number>()
  const keyOf = (queue: LaneQueue): LaneQueue => (isFinal ? queue : null)
  let all = 0
  const change = (cell: CellId | null, by: 1 | -1) => {
    all += by
    counts.set(keyOf(cell), (counts.get(keyOf(cell)) ?? 0) + by)
  }
  return {
    get casts() {
      return all
    },
    begun: (cell) => change(cell, 1),
    ended: (cell) => change(cell, -1),
    hasRoom: (queue, isAwaited) => {
      const free = MOST + (isAwaited ? MORE_AWAITED : 0) - all
      return (counts.get(keyOf(queue)) ?? 0) < Math.max(SHARE * free, LEAST)
    },
  }
}
