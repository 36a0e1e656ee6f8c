import { once } from 'node:events'
import { createServer } from 'node:net'
import { createNode } from 'memcache'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { KeystoneConfig } from '../../src/config/config.ts'
import { createMemcached } from '../../src/identity/keystone/memcached.ts'
import { createSeal } from '../../src/identity/keystone/seal.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { callerOf, configFor, identify, keepLog, openKeystone, revoke, sleepUntil } from './cloud.ts'
import { openProxy, openTcpProxy } from './proxies.ts'

const stand = await useStand('keystone', 'memcached')

const STRATEGIES = ['none', 'mac', 'encrypt'] as const

describeOn(stand, 'memcached', ({ keystone, memcached }) => {
  const shared = (change: Partial<KeystoneConfig> = {}): Partial<KeystoneConfig> => ({
    memcachedServers: [memcached.address],
    memcacheSecretKey: 'a secret',
    ...change,
  })

  /** Replicas behind one proxy, which counts what they ask about tokens. */
  async function openCloud(change: Partial<KeystoneConfig> = {}) {
    const proxy = await openProxy(keystone.url)
    const config = (more: Partial<KeystoneConfig>) => configFor(proxy.url, shared({ ...change, ...more }))
    return {
      openReplica: (more: Partial<KeystoneConfig> = {}) => openKeystone(config(more)),
      keyOf: createSeal(config({})).keyOf,
      questions: () => proxy.requests.filter((each) => each.startsWith('GET')).length,
      raw: await open(),
    }
  }

  async function open() {
    const [host = '', port] = memcached.address.split(':')
    const node = createNode(host, Number(port), { timeout: 60_000 })
    await node.connect()
    onTestFinished(() => node.disconnect())
    const name = (key: string) => `novacast/token/${key}`
    return {
      /** What comes in, or what comes in instead of that. */
      get: async (key: string, instead?: string): Promise<string> => {
        for (let tries = 0; tries < 100; tries++) {
          const found: unknown = await node.command(`get ${name(key)}`, { isMultiline: true })
          if (Array.isArray(found) && found[0] !== instead) return String(found[0])
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        throw new Error('nothing came into memcached')
      },
      set: (key: string, text: string) => node.command(`set ${name(key)} 0 60 ${Buffer.byteLength(text)}\r\n${text}`),
    }
  }

  describe.each(STRATEGIES)('with the strategy %s', (memcacheSecurityStrategy) => {
    const strategy = { memcacheSecurityStrategy }

    it('spares a replica the question that another has asked', async () => {
      const { openReplica, keyOf, questions, raw } = await openCloud(strategy)
      const token = await keystone.token('neutron')
      const asked = await callerOf(openReplica(), token)
      const sealed = await raw.get(keyOf(token))
      expect(sealed).not.toContain(token)
      expect(sealed.includes('neutron')).toBe(memcacheSecurityStrategy !== 'encrypt')
      expect(await callerOf(openReplica(), token)).toEqual(asked)
      expect(questions()).toBe(1)
    })

    it('is not believed where something else is in it', async () => {
      const { openReplica, keyOf, questions, raw } = await openCloud(strategy)
      const token = await keystone.token('demo')
      const now = Date.now()
      const foreign = ['', 'x', '1 {}', `${now} {"token": {}}`, `${now} `, 'żółć', '{"token": null}', '\0\x01']
      for (const text of foreign) {
        await raw.set(keyOf(token), text)
        expect((await callerOf(openReplica(), token)).userName).toBe('demo')
        await raw.get(keyOf(token), text)
      }
      expect(questions()).toBe(foreign.length)
    })
  })

  describe.each(['mac', 'encrypt'] as const)('with the strategy %s', (memcacheSecurityStrategy) => {
    it("does not let a token become another's, or more than it is", async () => {
      const { openReplica, keyOf, questions, raw } = await openCloud({ memcacheSecurityStrategy })
      const [demo, admin] = await Promise.all([keystone.token('demo'), keystone.token('admin')])
      const one = openReplica()
      await Promise.all([callerOf(one, demo), callerOf(one, admin)])
      const [sealedDemo, sealedAdmin] = await Promise.all([raw.get(keyOf(demo)), raw.get(keyOf(admin))])
      await raw.set(keyOf(demo), sealedAdmin)
      await raw.set(keyOf(admin), sealedDemo.replace('member', 'admin').slice(0, -1))
      const other = openReplica()
      expect((await callerOf(other, demo)).userName).toBe('demo')
      expect((await callerOf(other, admin)).userName).toBe('admin')
      expect(questions()).toBe(4)
    })

    it('keeps apart those who do not know the secret', async () => {
      const { openReplica, keyOf, questions, raw } = await openCloud({ memcacheSecurityStrategy })
      const token = await keystone.token('demo')
      await callerOf(openReplica(), token)
      await raw.get(keyOf(token))
      await callerOf(openReplica({ memcacheSecretKey: 'another secret' }), token)
      expect(questions()).toBe(2)
    })
  })

  it('does not make a revoked token live longer than token_cache_time', async () => {
    const { openReplica, keyOf, raw } = await openCloud({ tokenCacheSeconds: 10 })
    const [token, admin] = await Promise.all([keystone.token('neutron'), keystone.token('admin')])
    const other = openReplica()
    await callerOf(openReplica(), token)
    const askedAtMs = Number((await raw.get(keyOf(token))).split(' ')[0])
    await revoke(keystone, token, admin)
    await sleepUntil(askedAtMs + 5_000)
    expect((await identify(other, token)).kind).toBe('valid')
    await sleepUntil(askedAtMs + 10_050)
    expect((await identify(other, token)).kind).toBe('invalid')
  })

  it('is done without while it is down, which the log says once, and used again when it is back', async () => {
    const door = await openTcpProxy(memcached.address)
    const { log, lines } = keepLog()
    const cache = createMemcached({ servers: [door.address], log, retryMs: 300 })
    onTestFinished(() => cache.close())
    const key = crypto.randomUUID()
    await cache.set(key, 'text', 60)
    expect(await cache.get(key)).toBe('text')
    await door.stop()
    for (let again = 0; again < 5; again++) expect(await cache.get(key)).toBeNull()
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect(await cache.get(key)).toBeNull()
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(door.address)
    await door.start()
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect(await cache.get(key)).toBe('text')
    expect(lines.at(-1)).toContain('is well again')
  })

  it('that is down keeps nobody out', async () => {
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(keystone.url, shared({ memcachedServers: ['127.0.0.1:1'] })), log)
    expect((await identify(identity, await keystone.token('neutron'))).kind).toBe('valid')
    expect((await identify(identity, 'garbage')).kind).toBe('invalid')
    expect(lines).toHaveLength(1)
  })

  it('takes what is too large for it for nothing, and goes on', async () => {
    const { log, lines } = keepLog()
    const cache = createMemcached({ servers: [memcached.address], log })
    onTestFinished(() => cache.close())
    await cache.set('large', 'x'.repeat(1_100_000), 60)
    await cache.set('small', 'żółć', 60)
    expect(await cache.get('large')).toBeNull()
    expect(await cache.get('small')).toBe('żółć')
    expect(lines).toEqual([])
  })

  it('holds a share of what is known where there are several', async () => {
    const doors = await Promise.all([openTcpProxy(memcached.address), openTcpProxy(memcached.address)])
    const cache = createMemcached({ servers: doors.map(({ address }) => address), log: keepLog().log })
    onTestFinished(() => cache.close())
    const keys = Array.from({ length: 40 }, () => crypto.randomUUID())
    await doors[0]?.stop()
    await Promise.all(keys.map((key) => cache.set(key, 'text', 60)))
    const found = (await Promise.all(keys.map((key) => cache.get(key)))).filter((text) => text !== null)
    expect(found.length).toBeGreaterThan(5)
    expect(found.length).toBeLessThan(35)
  })
})

describe('a memcached that does not answer', () => {
  it('is waited for once, and not for long', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { log, lines } = keepLog()
    const cache = createMemcached({ servers: [`127.0.0.1:${port}`], log })
    const start = performance.now()
    for (let again = 0; again < 5; again++) expect(await cache.get('some-key')).toBeNull()
    expect(performance.now() - start).toBeLessThan(2_000)
    expect(lines).toHaveLength(1)
    await cache.close()
  })
})
