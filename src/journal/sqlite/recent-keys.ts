/**
 * Where the requests of the last minutes stand that came with a key, by four bytes of it: enough to say of nearly every new key that
 * it was never seen, without a look at the file. Who is found must be looked at: others may share these bytes.
 *
 * 12 bytes a slot, so 16 to 32 bytes a key; an object each would take some 150. Added or sought in less than 1 µs among a
 * million.
 */
export interface RecentKeys {
  add(key: Uint8Array, seq: number, atUs: number): void
  /** Where requests stand that may have had this key, the newest first; mostly none. */
  find(key: Uint8Array): readonly number[]
}

/** Keys in one table at most, so that making it larger never takes longer than some milliseconds. */
const TABLE_KEYS = 2 ** 18
const MOST_TABLES = 16
/** Beyond these, the oldest are forgotten before their time: 100 MB, 14,000 requests a second for five minutes. */
export const MOST_RECENT_KEYS = TABLE_KEYS * MOST_TABLES
/** Tables of a window: what is out of date goes a table at a time. */
const TABLES_A_WINDOW = 4

const NONE: readonly number[] = []

export function createRecentKeys(windowUs: number): RecentKeys {
  const tables: Table[] = []

  const tableAt = (atUs: number): Table => {
    const last = tables.at(-1)
    if (last !== undefined && last.size < TABLE_KEYS && atUs < last.firstAtUs + windowUs / TABLES_A_WINDOW) return last
    while (tables[0] !== undefined && (tables[0].lastAtUs < atUs - windowUs || tables.length >= MOST_TABLES)) tables.shift()
    const next = new Table(atUs)
    tables.push(next)
    return next
  }
  return {
    add: (key, seq, atUs) => tableAt(atUs).add(tagOf(key), seq, atUs),
    find: (key) => {
      const tag = tagOf(key)
      let found: number[] | null = null
      for (let i = tables.length - 1; i >= 0; i--) {
        for (const seq of tables[i]?.find(tag) ?? NONE) {
          found ??= []
          found.push(seq)
        }
      }
      return found?.sort((a, b) => b - a) ?? NONE
    },
  }
}

/** Digests are evenly spread, so any four bytes of one do. 0 says that a slot is free. */
function tagOf([a = 0, b = 0, c = 0, d = 0]: Uint8Array): number {
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 || 1
}

/** Open addressing with linear probing, doubled when three quarters are full. */
class Table {
  readonly firstAtUs: number
  lastAtUs: number
  size = 0
  #tags = new Uint32Array(1024)
  #seqs = new Float64Array(1024)

  constructor(atUs: number) {
    this.firstAtUs = atUs
    this.lastAtUs = atUs
  }

  add(tag: number, seq: number, atUs: number): void {
    if (this.size >= this.#tags.length * 0.75) this.#grow()
    this.#put(tag, seq)
    this.size++
    this.lastAtUs = Math.max(this.lastAtUs, atUs)
  }

  find(tag: number): readonly number[] {
    const mask = this.#tags.length - 1
    let found: number[] | null = null
    for (let slot = tag & mask; this.#tags[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#tags[slot] !== tag) continue
      found ??= []
      found.push(this.#seqs[slot] ?? Number.NaN)
    }
    return found ?? NONE
  }

  #put(tag: number, seq: number): void {
    const mask = this.#tags.length - 1
    let slot = tag & mask
    while (this.#tags[slot] !== 0) slot = (slot + 1) & mask
    this.#tags[slot] = tag
    this.#seqs[slot] = seq
  }

  #grow(): void {
    const [tags, seqs] = [this.#tags, this.#seqs]
    this.#tags = new Uint32Array(tags.length * 2)
    this.#seqs = new Float64Array(tags.length * 2)
    for (const [slot, tag] of tags.entries()) if (tag !== 0) this.#put(tag, seqs[slot] ?? Number.NaN)
  }
}
