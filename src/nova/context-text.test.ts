import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ContextParts, messageContext, NOBODY } from './context.ts'
import { contextText } from './context-text.ts'
import { embeddedEntries } from './rpc-message.ts'

const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '<', 'admin'))
const maybe = fc.option(texts)
const subjects = [NOBODY, { ...NOBODY, userId: 'neutron"\\', roles: ['service'] }]

it('writes each context as it is, whatever was written before for the same sender', () => {
  const parts = fc.record<ContextParts>({
    subject: fc.constantFrom(...subjects),
    isAdmin: fc.boolean(),
    token: fc.constantFrom(null, 'one', 'other'),
    catalog: fc.constantFrom([], []),
    remoteAddress: fc.constantFrom(null, '::1', '10.0.0.1'),
    requestId: texts,
    globalRequestId: maybe,
    receivedAtUs: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  })
  fc.assert(
    fc.property(parts, (each) => {
      expect(contextText(each)).toBe(embeddedEntries(messageContext(each)))
    }),
    { numRuns: 500 },
  )
})
