import { describe, expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { configFor, identify, keepLog, knowsAtOnce, openKeystone } from './cloud.ts'
import { openPeer, openProxy, passOn } from './proxies.ts'

const stand = await useStand('keystone')

describeOn(stand, 'while Keystone is down', ({ keystone }) => {
  it('tokens that are known go on, others are unavailable, never invalid; all is well when it is back', async () => {
    const proxy = await openProxy(keystone.url)
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(proxy.url, { retries: 1 }), log)
    const [known, other] = await Promise.all([keystone.token('neutron'), keystone.token('cinder')])
    expect((await identify(identity, known)).kind).toBe('valid')
    await proxy.stop()
    expect(knowsAtOnce(identity, known)).toBe(true)
    expect((await identify(identity, known)).kind).toBe('valid')
    for (const token of [other, 'garbage'])
      expect(await identify(identity, token)).toMatchObject({
        kind: 'unavailable',
        reason: expect.stringContaining('ECONNREFUSED'),
      })
    expect(lines.filter((line) => line.includes('trouble with Keystone'))).toHaveLength(1)
    await proxy.start()
    expect((await identify(identity, other)).kind).toBe('valid')
    expect((await identify(identity, 'garbage')).kind).toBe('invalid')
    expect(lines.at(-1)).toContain('Keystone is well again')
  })

  it('a request waits for a Keystone that restarts, as long as there are retries', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url, { retries: 5 }))
    const token = await keystone.token('neutron')
    await proxy.stop()
    const answer = identify(identity, token)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await proxy.start()
    expect((await answer).kind).toBe('valid')
  })

  it('a connection that Keystone has closed meanwhile costs nobody anything', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url))
    await identify(identity, await keystone.token('neutron'))
    await proxy.stop()
    await proxy.start()
    expect((await identify(identity, await keystone.token('cinder'))).kind).toBe('valid')
  })

  it.each([
    [404, '<html>no such backend</html>'],
    [404, '{"error": "no such backend"}'],
    [500, '{"error": {"code": 500}}'],
    [503, ''],
    [400, ''],
    [302, ''],
    [200, '<html>It works!</html>'],
    [200, '{"token": {}}'],
  ])('a proxy that answers %i with %j in its place makes no good token bad', async (status, body) => {
    const peer = await openPeer((request, response) => {
      if (request.method === 'POST') passOn(keystone.url, request, response)
      else response.writeHead(status, { 'content-type': 'text/html' }).end(body)
    })
    const { log, lines } = keepLog()
    const token = await keystone.token('neutron')
    expect(await identify(openKeystone(configFor(peer.url), log), token)).toMatchObject({ kind: 'unavailable' })
    expect(lines).toHaveLength(1)
    expect(lines.join()).not.toContain(token)
  })
})

describe('a Keystone that does not answer', () => {
  it('is given http_connect_timeout', async () => {
    const peer = await openPeer(() => {})
    const identity = openKeystone(configFor(peer.url, { connectTimeoutMs: 500 }))
    const start = performance.now()
    expect(await identify(identity, 'token')).toMatchObject({ kind: 'unavailable' })
    expect(performance.now() - start).toBeLessThan(4_000)
  })

  it('does not hold up the end', async () => {
    const peer = await openPeer(() => {})
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(peer.url), log)
    const answer = identify(identity, 'token')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await identity.close()
    expect((await answer).kind).toBe('unavailable')
    expect(lines).toEqual([])
  })
})
