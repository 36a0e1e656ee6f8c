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
    this.#map.set(key, value)
  }

  delete(key: Key): boolean {
    if (!this.#map.delete(key)) return false
    if (++this.#deleted < LEAST || this.#deleted < this.#map.size) return true
    this.#map = new Map(this.#map)
    this.#deleted = 0
    return true
  }

  clear(): void {
    this.#map = new Map()
    this.#deleted = 0
  }

  /** In the order in which the keys were first set. Nothing may be deleted before all that is wanted was taken. */
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
