import { expect, it } from 'vitest'
import { checkKeystone } from '../../src/identity/keystone/check.ts'
import type { CheckLine } from '../../src/observe/check-line.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { configFor, passwordOf } from './cloud.ts'
import { openPeer, passOn } from './proxies.ts'

const stand = await useStand('keystone', 'memcached')

/** `+name` for what is well, `-name` for what is not. */
const verdicts = (lines: readonly CheckLine[]) => lines.map(({ ok, name }) => `${ok ? '+' : '-'}${name}`)

describeOn(stand, 'novacast check of Keystone', ({ keystone, memcached }) => {
  it('says that all is well, and how it found it', async () => {
    const config = configFor(keystone.url, { regionName: keystone.region, memcachedServers: [memcached.address] })
    const lines = await checkKeystone(config)
    expect(verdicts(lines)).toEqual([
      '+keystone',
      '+keystone credentials',
      '+keystone clock',
      '+keystone validation',
      `+memcached ${memcached.address}`,
    ])
    expect(lines.every(({ mend }) => mend === null)).toBe(true)
    expect(lines[0]?.detail).toMatch(/Identity API v3\.\d+/)
    expect(lines[1]?.detail).toContain('user novacast, service')
    expect(lines[3]?.detail).toContain('from the catalog')
  })

  it('says that the catalog has no endpoint for the region', async () => {
    const lines = await checkKeystone(configFor(keystone.url))
    expect(lines.at(-1)).toMatchObject({ ok: true, detail: expect.stringContaining('the catalog names none') })
  })

  it('tells wrong credentials, and not the password', async () => {
    const auth = passwordOf('novacast', { password: 'not-the-password' })
    const lines = await checkKeystone(configFor(keystone.url, { auth }))
    expect(verdicts(lines)).toEqual(['+keystone', '-keystone credentials'])
    expect(lines.at(-1)?.mend).toContain('username, password')
    expect(JSON.stringify(lines)).not.toContain('not-the-password')
  })

  it('tells a user that may not validate', async () => {
    const lines = await checkKeystone(configFor(keystone.url, { auth: passwordOf('demo', { projectName: 'demo' }) }))
    expect(lines.at(-1)).toMatchObject({ name: 'keystone validation', ok: false, mend: expect.stringContaining('role service') })
  })

  it('tells a Keystone and a memcached that are not there', async () => {
    const lines = await checkKeystone(configFor('http://127.0.0.1:1', { memcachedServers: ['127.0.0.1:1', 'not a server'] }))
    expect(verdicts(lines)).toEqual(['-keystone', '-memcached 127.0.0.1:1', '-memcached not a server'])
    expect(lines.every(({ mend }) => mend !== null)).toBe(true)
  })

  it('tells something else than a Keystone', async () => {
    const peer = await openPeer((_, response) => void response.end('<html>It works!</html>'))
    expect(verdicts(await checkKeystone(configFor(peer.url)))).toEqual(['-keystone'])
  })

  it('tells a cafile that cannot be read', async () => {
    const lines = await checkKeystone(configFor(keystone.url, { cafile: '/nowhere/ca.pem' }))
    expect(lines).toMatchObject([{ name: 'keystone', ok: false, detail: expect.stringContaining('/nowhere/ca.pem') }])
  })

  it('tells clocks that differ', async () => {
    const hourAgo = () => new Date(Date.now() - 3_600_000).toISOString()
    const peer = await openPeer((request, response) => {
      if (request.method !== 'POST') return passOn(keystone.url, request, response)
      response.writeHead(201, { 'x-subject-token': 'own' })
      response.end(JSON.stringify({ token: { user: { id: 'u' }, issued_at: hourAgo(), expires_at: hourAgo() } }))
    })
    const clock = (await checkKeystone(configFor(peer.url))).find(({ name }) => name === 'keystone clock')
    expect(clock).toMatchObject({
      ok: false,
      detail: expect.stringContaining('3600 s ahead'),
      mend: expect.stringContaining('NTP'),
    })
  })
})
