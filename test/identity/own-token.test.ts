import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { configFor, identify, keepLog, openKeystone, passwordOf, revoke } from './cloud.ts'
import { openPeer, openProxy, passOn } from './proxies.ts'

const stand = await useStand('keystone')
const NO_CACHE = { tokenCacheSeconds: -1 }

describeOn(stand, "the service's own token", ({ keystone }) => {
  /** Before the real Keystone; sees the own tokens go by. */
  async function openWindow() {
    const ownTokens = new Set<string>()
    const window = await openPeer((request, response) => {
      const token = request.headers['x-auth-token']
      if (typeof token === 'string') ownTokens.add(token)
      passOn(keystone.url, request, response)
    })
    return { ...window, ownTokens }
  }

  it('is renewed where Keystone refuses it, and nobody notices', async () => {
    const window = await openWindow()
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(window.url, NO_CACHE), log)
    const token = await keystone.token('neutron')
    expect((await identify(identity, token)).kind).toBe('valid')
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    for (const own of window.ownTokens) await revoke(keystone, own)
    const found = await Promise.all(Array.from({ length: 10 }, (_, n) => identify(identity, n === 0 ? token : `garbage-${n}`)))
    expect(found.map(({ kind }) => kind)).toEqual(['valid', ...Array.from({ length: 9 }, () => 'invalid')])
    expect(window.ownTokens.size).toBe(2)
    expect(window.requests.filter((each) => each.startsWith('POST'))).toHaveLength(2)
    expect(lines).toEqual([])
  })

  it('cannot be had with a wrong password: unavailable, said once with what to do, and Keystone is not pressed', async () => {
    const proxy = await openProxy(keystone.url)
    const { log, lines } = keepLog()
    const auth = passwordOf('novacast', { password: 'not-the-password' })
    const identity = openKeystone(configFor(proxy.url, { ...NO_CACHE, auth }), log)
    for (const token of [await keystone.token('neutron'), 'garbage', 'more-garbage'])
      expect(await identify(identity, token)).toMatchObject({
        kind: 'unavailable',
        reason: expect.stringContaining('own credentials'),
      })
    expect(proxy.requests).toEqual(['POST /v3/auth/tokens'])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('set username, password')
    expect(lines[0]).not.toContain('not-the-password')
  })

  it('needs a role that may validate: without one, unavailable, said with what to do', async () => {
    const { log, lines } = keepLog()
    const auth = passwordOf('demo', { projectName: 'demo' })
    const identity = openKeystone(configFor(keystone.url, { auth }), log)
    expect(await identify(identity, await keystone.token('neutron'))).toMatchObject({ kind: 'unavailable' })
    expect(lines.join()).toContain('role service or admin')
  })
})

/** Keystone's answers, spoken by a peer whose tokens end when the test wants. */
function tokenBody(lifeMs: number): string {
  const issuedAtMs = Date.now()
  return JSON.stringify({
    token: {
      user: { id: 'u', name: 'u', domain: { id: 'default' } },
      issued_at: new Date(issuedAtMs).toISOString(),
      expires_at: new Date(issuedAtMs + lifeMs).toISOString(),
    },
  })
}

const isLogin = ({ method }: IncomingMessage) => method === 'POST'

describe('the renewal of the own token', () => {
  it('comes before its end, in the last quarter of a short life', async () => {
    let logins = 0
    const seen: unknown[] = []
    const peer = await openPeer((request, response) => {
      if (isLogin(request)) response.writeHead(201, { 'x-subject-token': `own-${++logins}` })
      else seen.push(request.headers['x-auth-token'])
      response.end(tokenBody(isLogin(request) ? 8_000 : 60_000))
    })
    const identity = openKeystone(configFor(peer.url, NO_CACHE))
    await identify(identity, 'a')
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await identify(identity, 'b')
    await new Promise((resolve) => setTimeout(resolve, 5_500))
    await identify(identity, 'c')
    expect(seen).toEqual(['own-1', 'own-1', 'own-2'])
  })

  it('does not run wild where Keystone refuses each new one', async () => {
    const peer = await openPeer((request, response) => {
      response.writeHead(isLogin(request) ? 201 : 401, { 'x-subject-token': 'own' })
      response.end(isLogin(request) ? tokenBody(60_000) : '')
    })
    const identity = openKeystone(configFor(peer.url, NO_CACHE))
    for (let n = 0; n < 20; n++) expect((await identify(identity, `token-${n}`)).kind).toBe('unavailable')
    expect(peer.requests.filter((each) => each.startsWith('POST')).length).toBeLessThanOrEqual(2)
  })

  it('is not needed where the clock of this machine is wrong by hours', async () => {
    const peer = await openPeer((request, response) => {
      if (isLogin(request)) response.writeHead(201, { 'x-subject-token': 'own' })
      const text = tokenBody(3_600_000)
      response.end(isLogin(request) ? text.replaceAll(`${new Date().getFullYear()}-`, '2020-') : text)
    })
    const identity = openKeystone(configFor(peer.url, NO_CACHE))
    for (let n = 0; n < 3; n++) expect((await identify(identity, `token-${n}`)).kind).toBe('valid')
    expect(peer.requests.filter((each) => each.startsWith('POST'))).toHaveLength(1)
  })
})
