import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addServer, BLOCKS, bucketsIn, FILTER_BYTES, placeOf, rowsOf, SPAN } from './server-filter.ts'

const filterOf = (servers: readonly Uint8Array[]) => {
  const filter = new Uint8Array(FILTER_BYTES)
  for (const server of servers) addServer(filter, server)
  return filter
}
const rowOf = (filters: readonly Uint8Array[], block: number) => [...rowsOf(filters, BLOCKS)][block] ?? new Uint8Array(0)

describe('filters of servers', () => {
  it('never miss a bucket that has the server', () => {
    const server = fc.uint8Array({ maxLength: 40 })
    fc.assert(
      fc.property(fc.array(fc.array(server, { maxLength: 20 }), { maxLength: SPAN }), (buckets) => {
        const filters = buckets.map(filterOf)
        for (const one of buckets.flat().slice(0, 5)) {
          const place = placeOf(one)
          const has = buckets.flatMap((servers, i) => (servers.some((each) => Buffer.compare(each, one) === 0) ? [i] : []))
          const found = bucketsIn(rowOf(filters, place.block), place)
          expect(has.filter((bucket) => !found.includes(bucket))).toEqual([])
        }
      }),
      { numRuns: 30 },
    )
  })

  it('are read from wherever a driver puts them', () => {
    const server = randomBytes(16)
    const place = placeOf(server)
    const row = rowOf([filterOf([]), filterOf([server])], place.block)
    for (let at = 0; at < 4; at++) {
      const moved = Buffer.concat([Buffer.alloc(at), row]).subarray(at)
      expect(bucketsIn(moved, place)).toEqual([1])
    }
  })

  it('seldom name a full bucket that has not, also where servers are hardly random', () => {
    const random = () => randomBytes(16)
    let last = 0
    const counted = () => {
      const server = Buffer.alloc(16)
      server.writeUInt32BE(last++, 12)
      return server
    }
    for (const make of [random, counted]) {
      const filter = filterOf(Array.from({ length: 8192 }, make))
      const rows = [...rowsOf([filter], BLOCKS)]
      const others = Array.from({ length: 20_000 }, make).map(placeOf)
      const wrong = others.filter((place) => bucketsIn(rows[place.block] ?? new Uint8Array(0), place).includes(0))
      expect(wrong.length / others.length).toBeLessThan(0.015)
    }
  })
})
