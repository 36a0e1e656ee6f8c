/** Numbers that look random and are the same again for the same seed. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number
  /** A whole number from 0 to below this one. */
  below(limit: number): number
  chance(share: number): boolean
  /** One of a list that is not empty. */
  pick<Item>(items: readonly Item[]): Item
}

/** The generator mulberry32: 32 bits of state, which is enough to choose steps. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(fraction() * limit)
  return {
    fraction,
    below,
    chance: (share) => fraction() < share,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  }
}
