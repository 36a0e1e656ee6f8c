import { expect, it } from 'vitest'
import { RETRY, retryDelayMs } from './backoff.ts'

it('doubles from half a second to half a minute, never the same for all', () => {
  for (let failures = 1; failures < 100; failures++) {
    const full = Math.min(500 * 2 ** (failures - 1), 30_000)
    const delay = retryDelayMs(RETRY, failures)
    expect(delay).toBeGreaterThanOrEqual(full / 2)
    expect(delay).toBeLessThanOrEqual(full)
  }
  expect(new Set(Array.from({ length: 50 }, () => retryDelayMs(RETRY, 9))).size).toBeGreaterThan(10)
})
