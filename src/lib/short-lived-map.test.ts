import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ShortLivedMap } from './short-lived-map.ts'

describe('ShortLivedMap', () => {
  it('has what a Map has, in its order, whatever comes and goes', () => {
    const [map, model] = [new ShortLivedMap<number, string>(), new Map<number, string>()]
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let i = 0; i < 20_000; i++) {
      const key = random(i % 4000 < 2000 ? 300 : 10)
      if (random(2) === 0) {
        map.set(key, `v${i}`)
        model.set(key, `v${i}`)
      } else expect(map.delete(key)).toBe(model.delete(key))
      if (i % 5000 === 4999) {
        map.clear()
        model.clear()
      }
      expect([map.size, map.get(key), map.has(key)]).toEqual([model.size, model.get(key), model.has(key)])
      if (i % 100 === 0) expect([...map.entries()]).toEqual([...model.entries()])
      if (i % 100 === 0) expect([...map.values()]).toEqual([...model.values()])
    }
  })

  it('can be gone through while its entries are deleted, each seen once', () => {
    const map = new ShortLivedMap<number, string>()
    for (let key = 0; key < 100; key++) map.set(key, 'value')
    const seen: number[] = []
    for (const [key] of map.entries()) {
      seen.push(key)
      map.delete(key)
      // Not come to yet: not seen.
      map.delete(99 - key)
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect([map.size, ...map.values()]).toEqual([0])
  })

  it('keeps nothing from the collector of young objects that was deleted, where a Map keeps all', () => {
    const [ours, ofMap] = [bytesGrownOldIn(new ShortLivedMap()), bytesGrownOldIn(new Map())]
    expect(ofMap).toBeGreaterThan(2 * 2 ** 20)
    expect(ours).toBeLessThan(ofMap / 5)
  })
})

/** Of objects of 20 MB in all, each in the map for a moment and then deleted: bytes that went to the old objects. */
function bytesGrownOldIn(map: { set(key: number, value: unknown): unknown; delete(key: number): boolean }): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void
  const oldBytes = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
  const churn = (from: number, to: number) => {
    for (let key = from; key < to; key++) {
      map.set(key, new Array(128).fill(key))
      map.delete(key - 16)
    }
  }
  churn(0, 20)
  // The table that is in use now is old from here on.
  for (let i = 0; i < 3; i++) collect()
  let grown = 0
  let before = oldBytes()
  for (let key = 20; key < 20_000; key += 500) {
    churn(key, key + 500)
    collect({ type: 'minor' })
    const now = oldBytes()
    // Less where old ones were looked through meanwhile.
    grown += Math.max(now - before, 0)
    before = now
  }
  return grown
}
