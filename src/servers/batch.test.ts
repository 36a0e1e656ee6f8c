import { describe, expect, it } from 'vitest'
import { batchByTick } from './batch.ts'

describe('batchByTick', () => {
  it('asks once for the keys of all calls of a turn, each key once', async () => {
    const asked: (readonly string[])[] = []
    const load = batchByTick((keys: readonly string[]) => {
      asked.push(keys)
      return new Map(keys.map((key) => [key, key.toUpperCase()]))
    })
    const [first, second] = await Promise.all([load(['a', 'b']), load(['b', 'c', 'c'])])
    expect(asked).toEqual([['a', 'b', 'c']])
    expect([first.get('a'), second.get('b'), second.get('c')]).toEqual(['A', 'B', 'C'])
    await load(['a'])
    expect(asked).toHaveLength(2)
  })

  it('asks again for what is called while it loads', async () => {
    const asked: (readonly string[])[] = []
    let answer = (): void => {}
    const load = batchByTick(async (keys: readonly string[]) => {
      asked.push(keys)
      if (asked.length === 1) await new Promise<void>((resolve) => (answer = resolve))
      return new Map(keys.map((key) => [key, asked.length]))
    })
    const first = load(['a'])
    await expect.poll(() => asked.length).toBe(1)
    expect((await load(['a'])).get('a')).toBe(2)
    answer()
    expect((await first).get('a')).toBe(2)
  })

  it('rejects every call of a turn whose loading fails, and none of the next', async () => {
    let fails = true
    const load = batchByTick((keys: readonly string[]) => {
      if (fails) throw new Error('away')
      return new Map(keys.map((key) => [key, 1]))
    })
    const results = await Promise.allSettled([load(['a']), load(['b'])])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    fails = false
    expect((await load(['a'])).get('a')).toBe(1)
  })
})

describe('batchByTick with limits', () => {
  it('splits what is too much for one question, and answers all of it', async () => {
    const asked: number[] = []
    const load = batchByTick(
      (keys: readonly number[]) => {
        asked.push(keys.length)
        return new Map(keys.map((key) => [key, -key]))
      },
      { maxKeys: 10, maxInFlight: 2 },
    )
    const answer = await load(Array.from({ length: 25 }, (_, index) => index))
    expect(asked).toEqual([10, 10, 5])
    expect(answer.size).toBe(25)
    expect(answer.get(24)).toBe(-24)
  })

  it('gathers into one what comes while as many questions as may be are under way', async () => {
    const asked: (readonly number[])[] = []
    const answers: (() => void)[] = []
    const load = batchByTick(
      async (keys: readonly number[]) => {
        asked.push(keys)
        await new Promise<void>((resolve) => answers.push(resolve))
        return new Map(keys.map((key) => [key, key]))
      },
      { maxKeys: 100, maxInFlight: 1 },
    )
    const first = load([1])
    await expect.poll(() => asked.length).toBe(1)
    const others = [2, 3, 4].map(async (key) => {
      await new Promise((resolve) => setTimeout(resolve, key))
      return load([key])
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(asked).toHaveLength(1)
    answers[0]?.()
    await first
    await expect.poll(() => asked.length).toBe(2)
    answers[1]?.()
    await Promise.all(others)
    expect(asked).toEqual([[1], [2, 3, 4]])
  })
})
