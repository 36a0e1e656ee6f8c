import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBytes, fromRequestBytes, keyOf, toBytes, toRequestBytes } from './bytes.ts'

const texts = fc.oneof(
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.toUpperCase()),
  fc.uuid().map((uuid) => `req-${uuid}`),
  fc.string({ minLength: 13, maxLength: 17 }),
  fc.string({ unit: 'grapheme' }),
)

describe('bytes', () => {
  it('give back every text as it was, each in a form of its own', () => {
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        expect(fromBytes(toBytes(one))).toBe(one)
        expect(fromRequestBytes(toRequestBytes(one))).toBe(one)
        expect(toBytes(one).equals(toBytes(other))).toBe(one === other)
        expect(keyOf(toBytes(one))).toHaveLength(16)
      }),
      { numRuns: 5000 },
    )
  })

  it('are the 16 of a canonical uuid, and never 16 of another text', () => {
    const uuid = '0189a5f2-0c6e-7abc-8def-0123456789ab'
    expect(toBytes(uuid).toString('hex')).toBe('0189a5f20c6e7abc8def0123456789ab')
    expect(toRequestBytes(`req-${uuid}`)).toEqual(toBytes(uuid))
    for (const length of [14, 15, 16]) expect(toBytes('x'.repeat(length))).not.toHaveLength(16)
  })
})
