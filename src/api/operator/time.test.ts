import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTime, renderTime } from './time.ts'

describe('times', () => {
  it.each([
    ['2026-11-24T10:00:00Z', '2026-11-24T10:00:00.000000Z'],
    ['2026-11-24T10:00:00.123456Z', '2026-11-24T10:00:00.123456Z'],
    ['2026-11-24T10:00:00.5', '2026-11-24T10:00:00.500000Z'],
    ['2026-11-24T10:00:00.1234567Z', '2026-11-24T10:00:00.123456Z'],
    ['2026-11-24T12:00:00+02:00', '2026-11-24T10:00:00.000000Z'],
    ['2026-11-24T12:00:00 02:00', '2026-11-24T10:00:00.000000Z'],
    ['2026-11-24T05:30-0430', '2026-11-24T10:00:00.000000Z'],
    ['2026-11-24 10:00', '2026-11-24T10:00:00.000000Z'],
    ['2026-11-24', '2026-11-24T00:00:00.000000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000000Z'],
  ])('%s is %s', (written, read) => {
    expect(renderTime(parseTime(written) ?? Number.NaN)).toBe(read)
  })

  it.each([
    '',
    'yesterday',
    '2026',
    '2026-13-01',
    '2026-02-30',
    '2026-11-24T25:00',
    '2026-11-24T10:00:61Z',
    '1700000000',
    '2026-11-24Z',
  ])('%j is none', (written) => expect(parseTime(written)).toBeUndefined())

  it('come back to the microsecond', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4e15 }), (us) => parseTime(renderTime(us)) === us))
  })
})
