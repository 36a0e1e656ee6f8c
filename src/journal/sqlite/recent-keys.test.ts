import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createRecentKeys, MOST_RECENT_KEYS } from './recent-keys.ts'

const keyOf = (n: number) => createHash('md5').update(String(n)).digest()

describe('the keys of the last minutes', () => {
  it('are found, all of them, and hardly any other', () => {
    const recent = createRecentKeys(300e6)
    for (let n = 0; n < 50_000; n++) recent.add(keyOf(n), n, n)
    const numbers = Array.from({ length: 50_000 }, (_, n) => n)
    expect(numbers.filter((n) => !recent.find(keyOf(n)).includes(n))).toEqual([])
    expect(numbers.filter((n) => recent.find(keyOf(-1 - n)).length > 0).length).toBeLessThan(10)
  })

  it('are given the newest first', () => {
    const recent = createRecentKeys(100)
    for (const n of [1, 2, 3]) recent.add(keyOf(7), n, n * 30)
    expect(recent.find(keyOf(7))).toEqual([3, 2, 1])
  })

  it('are forgotten some time after their window, and not before', () => {
    const recent = createRecentKeys(100)
    recent.add(keyOf(1), 1, 0)
    recent.add(keyOf(2), 2, 100)
    expect(recent.find(keyOf(1))).toEqual([1])
    recent.add(keyOf(3), 3, 201)
    expect([recent.find(keyOf(1)), recent.find(keyOf(2))]).toEqual([[], []])
    expect(recent.find(keyOf(3))).toEqual([3])
  })

  it('are at most so many: then the oldest go', () => {
    const recent = createRecentKeys(300e6)
    const key = Buffer.alloc(16)
    const spread = (n: number) => {
      key.writeUInt32BE(Math.imul(n, 0x9e_37_79_b1) >>> 0)
      return key
    }
    for (let n = 1; n <= MOST_RECENT_KEYS + 1; n++) recent.add(spread(n), n, 0)
    expect(recent.find(spread(1))).toEqual([])
    expect(recent.find(spread(MOST_RECENT_KEYS + 1))).toEqual([MOST_RECENT_KEYS + 1])
  })
})
