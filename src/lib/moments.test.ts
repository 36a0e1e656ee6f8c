import { expect, it, vi } from 'vitest'
import { createMoments } from './moments.ts'

it('lets all who ask within a moment go on at its end, in their order, and later ones at the end of another', async () => {
  vi.useFakeTimers()
  try {
    const endOfMoment = createMoments(3)
    const gone: string[] = []
    const ask = (name: string) => void endOfMoment().then(() => gone.push(name))
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
  } finally {
    vi.useRealTimers()
  }
})
