import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSeal, type Seal } from './seal.ts'

const base = { authUrl: 'http://k', includeServiceCatalog: true, memcacheSecretKey: 'secret' }
const none = createSeal({ ...base, memcacheSecurityStrategy: 'none', memcacheSecretKey: null })
const mac = createSeal({ ...base, memcacheSecurityStrategy: 'mac' })
const encrypt = createSeal({ ...base, memcacheSecurityStrategy: 'encrypt' })
/** Lone surrogates and all. */
const utf16 = fc.uint16Array().map((codes) => String.fromCharCode(...codes))
const anyText = fc.string({ unit: fc.constantFrom('a', 'Z', '0', ' ', '"', '\n', '\0', 'ż', '漢', '😀'), maxLength: 200 })

describe.each<[string, Seal]>([
  ['none', none],
  ['mac', mac],
  ['encrypt', encrypt],
])('a seal of strategy %s', (_, seal) => {
  it('opens what it closed', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(seal.open('key', seal.close('key', text))).toBe(text)
      }),
    )
  })

  it('keeps a token under a key of fixed length that memcached takes and that does not hold the token', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 500 }), (token) => {
        expect(seal.keyOf(token)).toMatch(/^[\w-]{43}$/)
      }),
    )
    expect(seal.keyOf('a')).not.toBe(seal.keyOf('b'))
  })
})

describe.each<[string, Seal]>([
  ['mac', mac],
  ['encrypt', encrypt],
])('a seal of strategy %s', (strategy, seal) => {
  it('opens nothing that was changed anywhere', () => {
    const sealed = seal.close('key', '1 {"token": {}}')
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom('A', 'z', '0'), (index, character) => {
        const changed = sealed.slice(0, index) + character + sealed.slice(index + 1)
        if (Buffer.from(changed, 'base64').equals(Buffer.from(sealed, 'base64')) && strategy === 'encrypt') return
        expect(seal.open('key', changed)).toBe(changed === sealed ? '1 {"token": {}}' : null)
      }),
    )
  })

  it('opens nothing that was moved to another key, cut, or made by another secret', () => {
    const sealed = seal.close('key', 'text')
    const other = createSeal({
      ...base,
      memcacheSecurityStrategy: strategy === 'mac' ? 'mac' : 'encrypt',
      memcacheSecretKey: 'other',
    })
    expect(seal.open('another', sealed)).toBeNull()
    expect(seal.open('key', sealed.slice(0, -5))).toBeNull()
    expect(seal.open('key', '')).toBeNull()
    expect(other.open('key', sealed)).toBeNull()
    expect(other.keyOf('token')).not.toBe(seal.keyOf('token'))
  })

  it('opens nothing of arbitrary bytes, and never throws', () => {
    fc.assert(
      fc.property(utf16, (text) => {
        expect(seal.open('key', text)).toBeNull()
      }),
    )
  })
})

describe('a seal of strategy encrypt', () => {
  it('hides the text, and does not repeat itself', () => {
    expect(encrypt.close('key', 'neutron')).not.toContain('neutron')
    expect(encrypt.close('key', 'neutron')).not.toBe(encrypt.close('key', 'neutron'))
  })
})

describe('keys', () => {
  it('differ by Keystone and by whether there is a catalog', () => {
    const keyWith = (change: Partial<typeof base>) =>
      createSeal({ ...base, ...change, memcacheSecurityStrategy: 'none' }).keyOf('t')
    const keys = [keyWith({}), keyWith({ authUrl: 'http://other' }), keyWith({ includeServiceCatalog: false })]
    expect(new Set(keys).size).toBe(3)
  })
})
