import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EVENT_NAMES } from '../../events/names.ts'
import { ApiError } from '../errors.ts'
import { LEGACY, type Microversion } from './microversion.ts'
import { faultOf, namesIn } from './schema.ts'
import { createEventReader, parseExactly } from './sent-events.ts'
import { isUuidLike } from './uuid-like.ts'

const SERVER = '31c9b6ce-4a8f-4f6f-9f0c-2b6c6c3b6f7e'
const at = (minor: number): Microversion => ({ minor, isLegacy: false })

describe('the events in a body', () => {
  it('are good exactly when the schema finds no fault, whichever way they are read', () => {
    const value = fc.oneof(
      fc.constantFrom(SERVER, SERVER.toUpperCase(), 'network-changed', 'volume-reimaged', 'failed', ''),
      fc.jsonValue({ maxDepth: 1 }),
    )
    const keys = {
      server_uuid: value,
      name: value,
      status: value,
      tag: fc.oneof(value, fc.string({ maxLength: 300 })),
      extra: value,
    }
    const good = fc.record(
      { server_uuid: fc.constant(SERVER), name: fc.constantFrom(...EVENT_NAMES.map((row) => row.name)), tag: fc.string() },
      { requiredKeys: ['server_uuid', 'name'] },
    )
    const event = fc.oneof(good, fc.record(keys, { requiredKeys: [] }), value)
    const body = fc.oneof(
      fc.record({ events: fc.array(event, { maxLength: 3 }) }),
      fc.record({ events: value, more: value }, { requiredKeys: [] }),
      fc.jsonValue(),
    )
    const dialect = fc.constantFrom(at(1), at(51), at(93), LEGACY)
    fc.assert(
      fc.property(body, dialect, (sent, microversion) => {
        const text = JSON.stringify(sent)
        const fault = faultOf(parseExactly(text), microversion)
        expect(read(text, microversion)).toBe(fault ?? 'good')
      }),
      { numRuns: 2000 },
    )
  })

  it('keep the order of their keys, and what the sender left out', () => {
    const [sent] = createEventReader(at(1))(`{"events": [{"tag": "x", "name": "network-changed", "server_uuid": "${SERVER}"}]}`)
    expect(sent).toEqual({
      event: { serverId: SERVER, name: 'network-changed', status: 'completed', tag: 'x' },
      keys: ['tag', 'name', 'server_uuid'],
    })
  })

  it('lose under /v2 what the schema does not know, also what only Python takes for JSON', () => {
    const [sent] = createEventReader(LEGACY)(
      `{"x": NaN, "events": [{"server_uuid": "${SERVER}", "code": 1e999, "name": "network-changed"}]}`,
    )
    expect(sent?.keys).toEqual(['server_uuid', 'name'])
  })
})

function read(text: string, microversion: Microversion): string {
  try {
    createEventReader(microversion)(text)
    return 'good'
  } catch (error) {
    return error instanceof ApiError ? error.message : String(error)
  }
}

describe('the names that a microversion knows', () => {
  it.each([
    [1, 4],
    [50, 4],
    [51, 5],
    [76, 6],
    [82, 7],
    [92, 7],
    [93, 8],
  ])('at 2.%d are %d', (minor, count) => {
    expect(namesIn(at(minor))).toHaveLength(count)
  })

  it('under /v2 are those of 2.1', () => {
    expect(namesIn(LEGACY)).toEqual(namesIn(at(1)))
  })
})

describe('isUuidLike', () => {
  it.each([
    SERVER,
    SERVER.toUpperCase(),
    SERVER.replaceAll('-', ''),
    `{{${SERVER}}`,
    `urn:uuid:${SERVER}`,
    `uuurn:id:${SERVER}`,
    `-${SERVER}--`,
  ])('takes %s', (text) => {
    expect(isUuidLike(text)).toBe(true)
  })

  it.each(['', `${SERVER} `, SERVER.slice(1), `0x${SERVER.slice(2)}`, '１'.repeat(32), `{ ${SERVER}}`, 'g'.repeat(32)])(
    'does not take %j',
    (text) => {
      expect(isUuidLike(text)).toBe(false)
    },
  )
})
