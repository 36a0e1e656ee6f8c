import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromRequestColumn, fromUuidColumn, toRequestColumn, toUuidColumn } from './columns.ts'

const texts = fc.oneof(
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.toUpperCase()),
  fc.uuid().map((uuid) => `req-${uuid}`),
  fc.uuid().map((uuid) => uuid.replace('-', '0')),
  fc.string({ minLength: 36, maxLength: 36 }),
  fc.string({ unit: 'binary' }),
)

describe('columns', () => {
  it('give back every text as it was', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(fromUuidColumn(toUuidColumn(text))).toBe(text)
        expect(fromRequestColumn(toRequestColumn(text))).toBe(text)
      }),
      { numRuns: 5000 },
    )
  })

  it('keep canonical uuids and request ids in 16 bytes, everything else as text', () => {
    const uuid = '0189a5f2-0c6e-7abc-8def-0123456789ab'
    expect(toUuidColumn(uuid)).toEqual(new Uint8Array(Buffer.from('0189a5f20c6e7abc8def0123456789ab', 'hex')))
    expect(toRequestColumn(`req-${uuid}`)).toEqual(toUuidColumn(uuid))
    for (const other of [uuid.toUpperCase(), `${uuid}0`, `{${uuid}}`, uuid.replaceAll('-', ''), '', `req-${uuid}`]) {
      expect(toUuidColumn(other)).toBe(other)
    }
    for (const other of [uuid, `req-${uuid.toUpperCase()}`, `REQ-${uuid}`, 'req-', '']) expect(toRequestColumn(other)).toBe(other)
  })
})
