import fc from 'fast-check'
import { expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { configFor, identify, keepLog, openKeystone } from './cloud.ts'
import { openPeer, openProxy } from './proxies.ts'

const stand = await useStand('keystone')

/** Any UTF-16, lone surrogates too; what a header can carry; and what looks like a token. */
const anyToken = fc.oneof(
  fc.uint16Array().map((codes) => String.fromCharCode(...codes)),
  fc.uint8Array({ max: 255 }).map((codes) => String.fromCharCode(...codes)),
  fc.string({ minLength: 1 }),
  fc.base64String().map((text) => `gAAAA${text}`),
  fc.nat(20_000).map((length) => 'x'.repeat(length)),
)
const maybeToken = fc.option(anyToken, { nil: undefined })

/** Speaks as Keystone does to those who know no good token, and takes its time. */
const openRefusing = (delayMs: number, tell: (change: 1 | -1) => void = () => {}) =>
  openPeer((request, response) => {
    tell(1)
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const isLogin = request.method === 'POST'
    setTimeout(() => {
      tell(-1)
      response.writeHead(isLogin ? 201 : 404, { 'x-subject-token': 'own' })
      response.end(JSON.stringify(isLogin ? { token: { user: { id: 'u' }, expires_at } } : { error: { code: 404 } }))
    }, delayMs)
  })

describeOn(stand, 'hostile tokens', ({ keystone }) => {
  it('never throw, are never valid, and never reach the log', async () => {
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(keystone.url), log)
    const good = await keystone.token('demo')
    const property = fc.asyncProperty(maybeToken, maybeToken, fc.boolean(), async (token, other, isService) => {
      const credentials = isService ? { token: good, serviceToken: token ?? 'x' } : { token, serviceToken: other }
      const isNone = isService && token === ''
      expect((await identity.identify(credentials)).kind).toBe(isNone ? 'valid' : 'invalid')
    })
    await fc.assert(property, { numRuns: 60 })
    expect(lines).toEqual([])
  })

  it('by the thousand are all refused, however they look', async () => {
    const peer = await openRefusing(0)
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(peer.url), log)
    const property = fc.asyncProperty(maybeToken, maybeToken, async (token, serviceToken) => {
      expect((await identity.identify({ token, serviceToken })).kind).toBe('invalid')
    })
    await fc.assert(property, { numRuns: 5_000 })
    expect(lines).toEqual([])
  })

  it('that no header can carry are invalid at once, without asking Keystone', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url))
    for (const token of ['a\nb', 'a\r\nX-Auth-Token: b', 'a\0b', 'ż', '\ud800', '\x7f', 'x'.repeat(8_001), ' ', '\n'])
      expect(identity.identify({ token, serviceToken: undefined })).toMatchObject({ kind: 'invalid' })
    expect(proxy.requests).toEqual([])
  })

  it('of which too many come at a time are turned away, and Keystone sees few at a time', async () => {
    let now = 0
    let most = 0
    const peer = await openRefusing(5, (change) => {
      now += change
      most = Math.max(most, now)
    })
    const identity = openKeystone(configFor(peer.url))
    const found = await Promise.all(Array.from({ length: 1_500 }, (_, n) => identify(identity, `bad-${n}`)))
    expect(found.filter(({ kind }) => kind === 'unavailable')).toHaveLength(500)
    expect(most).toBeLessThanOrEqual(16)
  })
})
