import { expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import {
  callerOf,
  configFor,
  identify,
  knowsAtOnce,
  makeApplicationCredential,
  makeShortToken,
  openKeystone,
  passwordOf,
  revoke,
  sleepUntil,
  tokenOf,
} from './cloud.ts'
import { openProxy } from './proxies.ts'

const stand = await useStand('keystone')

describeOn(stand, "a token of Keystone's", ({ keystone }) => {
  it('tells user, project, domains and roles', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const caller = await callerOf(identity, await keystone.token('neutron'))
    expect(caller).toMatchObject({
      userId: keystone.userIds['neutron'],
      userName: 'neutron',
      userDomainId: 'default',
      projectId: keystone.projectIds.service,
      projectName: 'service',
      projectDomainId: 'default',
      domainId: null,
      systemScope: null,
      serviceRoles: [],
      isAdminProject: true,
    })
    expect(caller.roles).toEqual(expect.arrayContaining(['admin', 'service']))
    expect(caller.catalog).toContainEqual(expect.objectContaining({ type: 'identity', endpoints: expect.any(Array) }))
  })

  it('tells the scope of a system token, and none of an unscoped one', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const system = await callerOf(identity, await keystone.token('system'))
    expect(system).toMatchObject({ systemScope: 'all', projectId: null, domainId: null })
    expect(system.roles).toContain('admin')
    const unscoped = await callerOf(identity, await keystone.token('unscoped'))
    expect(unscoped).toMatchObject({ userName: 'neutron', projectId: null, systemScope: null, roles: [] })
  })

  it('brings no catalog where include_service_catalog is off', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url, { includeServiceCatalog: false }))
    expect((await callerOf(identity, await keystone.token('neutron'))).catalog).toEqual([])
    expect(proxy.requests).toContain('GET /v3/auth/tokens?nocatalog')
  })

  it('is taken with the padding and the quotes that Keystone takes', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const token = await keystone.token('neutron')
    expect((await identify(identity, ` ${token}\t`)).kind).toBe('valid')
    expect((await identify(identity, `"${token}"`)).kind).toBe('valid')
  })

  it('is validated with an application credential as with a password', async () => {
    const { id, secret } = await makeApplicationCredential(keystone, {})
    const user = { username: null, userId: null, userDomainId: null, userDomainName: null }
    const identity = openKeystone(
      configFor(keystone.url, { auth: { kind: 'application-credential', id, name: null, secret, ...user } }),
    )
    expect((await callerOf(identity, await keystone.token('cinder'))).userName).toBe('cinder')
  })

  it('is validated with a service user that is scoped to the system, or named by ids, or whose auth_url has no version', async () => {
    const ids = passwordOf('novacast', {
      username: null,
      userId: keystone.userIds['novacast'] ?? '',
      projectName: null,
      projectId: keystone.projectIds.service,
    })
    const system = passwordOf('admin', { projectName: null, projectDomainId: null, systemScope: 'all' })
    const token = await keystone.token('demo')
    for (const auth of [ids, system]) {
      const identity = openKeystone(configFor(keystone.url, { auth, authUrl: keystone.url }))
      expect((await callerOf(identity, token)).userName).toBe('demo')
    }
  })

  it('is validated where the catalog says for that region and interface', async () => {
    const proxy = await openProxy(keystone.url)
    const region = `Region-${crypto.randomUUID()}`
    await keystone.addEndpoint({ service: `keystone-${region}`, type: 'identity', region, url: `${proxy.url}/v3` })
    const identity = openKeystone(configFor(keystone.url, { regionName: region }))
    expect((await identify(identity, await keystone.token('demo'))).kind).toBe('valid')
    expect(proxy.requests).toEqual(['GET /v3/auth/tokens'])
  })

  it('is asked about once, and then answered at once', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url))
    const token = await keystone.token('neutron')
    expect(knowsAtOnce(identity, token)).toBe(false)
    const callers = await Promise.all(Array.from({ length: 50 }, () => callerOf(identity, token)))
    expect(new Set(callers).size).toBe(1)
    for (let again = 0; again < 100; again++) expect(knowsAtOnce(identity, token)).toBe(true)
    expect(proxy.requests).toEqual(['POST /v3/auth/tokens', 'GET /v3/auth/tokens'])
  })

  it('is asked about each time where token_cache_time is -1', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url, { tokenCacheSeconds: -1 }))
    const token = await keystone.token('neutron')
    for (let again = 0; again < 3; again++) expect((await identify(identity, token)).kind).toBe('valid')
    expect(proxy.requests.filter((each) => each.startsWith('GET'))).toHaveLength(3)
  })

  it('is invalid at the second of its end, remembered or not', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const { token, expiresAtMs } = await makeShortToken(keystone, 12)
    expect((await identify(identity, token)).kind).toBe('valid')
    await sleepUntil(expiresAtMs - 2_000)
    expect(await identify(identity, token)).toMatchObject({ kind: 'valid' })
    await sleepUntil(expiresAtMs)
    expect(await identify(identity, token)).toMatchObject({ kind: 'invalid' })
    const another = openKeystone(configFor(keystone.url))
    expect(await identify(another, token)).toMatchObject({ kind: 'invalid' })
  })

  it('is good until token_cache_time has passed since it was revoked, and then no more', async () => {
    const identity = openKeystone(configFor(keystone.url, { tokenCacheSeconds: 10 }))
    const [token, admin] = await Promise.all([keystone.token('neutron'), keystone.token('admin')])
    await callerOf(identity, token)
    const knownAtMs = Date.now()
    await revoke(keystone, token, admin)
    expect((await identify(identity, token)).kind).toBe('valid')
    await sleepUntil(knownAtMs + 10_100)
    expect((await identify(identity, token)).kind).toBe('invalid')
  })
})

describeOn(stand, 'what is no token', ({ keystone }) => {
  it.each([undefined, ''])('is invalid without asking Keystone where there is none: %j', async (token) => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url))
    expect(identity.identify({ token, serviceToken: 'x' })).toMatchObject({ kind: 'invalid' })
    expect(proxy.requests).toEqual([])
  })

  it('is asked about once', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url))
    for (let again = 0; again < 100; again++) expect((await identify(identity, 'not-a-token')).kind).toBe('invalid')
    expect(knowsAtOnce(identity, 'not-a-token')).toBe(true)
    expect(proxy.requests).toEqual(['POST /v3/auth/tokens', 'GET /v3/auth/tokens'])
  })

  it('is invalid where it was revoked, cut or changed', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const token = await keystone.token('neutron')
    for (const bad of [await keystone.token('revoked'), token.slice(0, -1), `${token}A`, 'żółć', 'a b', '%00', '0'.repeat(32)])
      expect(await identify(identity, bad)).toMatchObject({ kind: 'invalid' })
  })

  it('is invalid where access rules restrict it', async () => {
    const access_rules = [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }]
    const credential = await makeApplicationCredential(keystone, { access_rules })
    const found = await identify(openKeystone(configFor(keystone.url)), await tokenOf(keystone, credential))
    expect(found).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('access rules') })
  })

  it('is told to the caller as keystonemiddleware tells it', () => {
    const identity = openKeystone(configFor(keystone.url))
    expect(identity.challenge).toBe(`Keystone uri="${keystone.url}/"`)
  })
})
