/**
 * A Map whose entries come and go fast. V8 gives a Map a new table each time the old one is full, the deleted counted in, and the old one
 * leads to the new: one table that has grown old keeps all that came after it, with all their entries, from the collector of young
 * objects, until old ones are looked through too. Here the line is cut every so often.
 */
export class ShortLivedMap<Key, Value> {
  #map = new Map<Key, Value>()
  #deleted = 0

  get size(): number {
    return this.#map.size
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key)
  }

  has(key: Key): boolean {
    return this.#map.has(key)
  }

  set(key: Key, value: Value): void {
    if (this.#deleted >= Math.max(LEAST, this.#map.size)) {
      this.#map = new Map(this.#map)
      this.#deleted = 0
    }
    this.#map.set(key, value)
  }

  delete(key: Key): boolean {
    const isDeleted = this.#map.delete(key)
    if (isDeleted) this.#deleted++
    return isDeleted
  }

  clear(): void {
    this.#map = new Map()
    this.#deleted = 0
  }

  /** In the order in which the keys were first set. Meanwhile any may be deleted, as with a Map, but nothing set. */
  entries(): MapIterator<[Key, Value]> {
    return this.#map.entries()
  }

  /** As `entries`. */
  values(): MapIterator<Value> {
    return this.#map.values()
  }
}

/** Fewer are not worth a new table. */
const LEAST = 16
