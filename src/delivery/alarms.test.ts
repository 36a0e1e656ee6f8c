import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAlarms } from './alarms.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('alarms', () => {
  it('ring in the order of their times, each at its own, with one timer', () => {
    const alarms = createAlarms()
    const rung: string[] = []
    const startMs = performance.now()
    const delays = Array.from({ length: 200 }, (_, i) => ((i * 7919) % 200) * 10)
    for (const delay of delays) alarms.after(delay, () => rung.push(`${delay} ${performance.now() - startMs}`))
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(5000)
    expect(rung).toEqual(delays.toSorted((a, b) => a - b).map((delay) => `${delay} ${delay}`))
    expect(vi.getTimerCount()).toBe(0)
  })

  it('do not ring when they are cancelled', () => {
    const alarms = createAlarms()
    const rung: number[] = []
    const made = [10, 20, 30].map((delay) => alarms.after(delay, () => rung.push(delay)))
    made[1]?.cancel()
    vi.advanceTimersByTime(100)
    made[0]?.cancel()
    expect(rung).toEqual([10, 30])
  })

  it('may be set by one that rings, and none rings after the end', () => {
    const alarms = createAlarms()
    let rung = 0
    const again = () => {
      rung++
      alarms.after(10, again)
    }
    alarms.after(0, again)
    vi.advanceTimersByTime(55)
    expect(rung).toBe(6)
    alarms.close()
    alarms.after(0, again)
    vi.advanceTimersByTime(100)
    expect(rung).toBe(6)
  })

  it('wait longer than a timer can', () => {
    const alarms = createAlarms()
    const days30 = 30 * 86_400_000
    let hasRung = false
    alarms.after(days30, () => {
      hasRung = true
    })
    vi.advanceTimersByTime(days30 - 1)
    expect(hasRung).toBe(false)
    vi.advanceTimersByTime(1)
    expect(hasRung).toBe(true)
  })
})
