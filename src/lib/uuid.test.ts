import { describe, expect, it } from 'vitest'
import { isCanonicalUuid, uuidFromBytes, uuidToBytes, uuidv7 } from './uuid.ts'

describe('uuidv7', () => {
  it('gives canonical uuids of version 7 and the RFC variant', () => {
    for (let i = 0; i < 1000; i++)
      expect(uuidv7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('ascends strictly, within a millisecond and when the clock steps back', () => {
    const times = [1_800_000_000_000, 1_800_000_000_000, 1_799_999_999_000, 1_800_000_000_001]
    const ids = times.flatMap((now) => Array.from({ length: 50_000 }, () => uuidv7(now)))
    expect(ids.findIndex((id, i) => i > 0 && id <= (ids[i - 1] ?? ''))).toBe(-1)
  })

  it('carries its time in the first 48 bits', () => {
    const future = 4_000_000_000_000
    expect(Number.parseInt(uuidv7(future).replaceAll('-', '').slice(0, 12), 16)).toBe(future)
  })
})

describe('uuid bytes', () => {
  it('come back as the same text', () => {
    const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'
    expect(uuidFromBytes(uuidToBytes(uuid))).toBe(uuid)
  })

  it('know the canonical form', () => {
    expect(isCanonicalUuid('01890a5d-ac96-774b-bcce-b302099a8057')).toBe(true)
    for (const text of [
      '',
      '01890A5D-ac96-774b-bcce-b302099a8057',
      '01890a5dac96774bbcceb302099a8057',
      '01890a5d-ac96-774b-bcce-b302099a805',
    ])
      expect(isCanonicalUuid(text)).toBe(false)
  })
})
