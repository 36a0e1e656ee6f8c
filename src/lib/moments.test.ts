import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMoments } from './moments.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Moments of 3 ms, or of 10 while two ask in each; and who has gone on. */
function moments() {
  const endOfMoment = createMoments({ usualMs: 3, busyMs: 10, busyPerMs: 2 })
  const gone: string[] = []
  return { gone, ask: (name: string) => void endOfMoment().then(() => gone.push(name)) }
}

it('lets all who ask within a moment go on at its end, in their order, and later ones at the end of another', async () => {
  const { gone, ask } = moments()
  ask('first')
  await vi.advanceTimersByTimeAsync(2)
  ask('second')
  expect(gone).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(gone).toEqual(['first', 'second'])
  ask('third')
  await vi.advanceTimersByTimeAsync(2)
  expect(gone).toEqual(['first', 'second'])
  await vi.advanceTimersByTimeAsync(1)
  expect(gone).toEqual(['first', 'second', 'third'])
})

it('lasts longer while many ask, and no longer than usual when they have stopped', async () => {
  const { gone, ask } = moments()
  const askFor = async (ms: number) => {
    for (let i = 0; i < ms; i++) {
      for (const name of ['one', 'two']) ask(name)
      await vi.advanceTimersByTimeAsync(1)
    }
  }
  await askFor(3)
  expect(gone).toHaveLength(6)
  await askFor(9)
  expect(gone).toHaveLength(6)
  await askFor(1)
  expect(gone).toHaveLength(26)
  await vi.advanceTimersByTimeAsync(10)
  ask('late')
  await vi.advanceTimersByTimeAsync(3)
  expect(gone.at(-1)).toBe('late')
})

it('is a usual one for the first', async () => {
  const { gone, ask } = moments()
  for (let i = 0; i < 1000; i++) ask('one of many')
  await vi.advanceTimersByTimeAsync(3)
  expect(gone).toHaveLength(1000)
})
