import { expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { callerOf, configFor, identify, keepLog, makeShortToken, openKeystone, sleepUntil } from './cloud.ts'
import { openProxy } from './proxies.ts'

const stand = await useStand('keystone')

describeOn(stand, 'X-Service-Token', ({ keystone }) => {
  it("adds the service's roles to the caller", async () => {
    const identity = openKeystone(configFor(keystone.url))
    const token = await keystone.token('demo')
    const caller = await callerOf(identity, token, await keystone.token('serviceonly'))
    expect(caller).toMatchObject({ userName: 'demo', serviceRoles: ['service'] })
    expect(caller.roles).not.toContain('service')
    expect((await callerOf(identity, token)).serviceRoles).toEqual([])
  })

  it('is answered at once where both tokens are known', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const credentials = { token: await keystone.token('demo'), serviceToken: await keystone.token('nova') }
    expect(await identity.identify(credentials)).toMatchObject({ kind: 'valid' })
    expect(identity.identify(credentials)).not.toBeInstanceOf(Promise)
  })

  it.each(['garbage', 'revoked'])('spoils a good token where it is bad: %s', async (bad) => {
    const identity = openKeystone(configFor(keystone.url))
    const serviceToken = bad === 'garbage' ? bad : await keystone.token('revoked')
    const found = await identify(identity, await keystone.token('neutron'), serviceToken)
    expect(found).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('X-Service-Token') })
  })

  it('counts for nothing where it is empty', async () => {
    const identity = openKeystone(configFor(keystone.url))
    expect((await callerOf(identity, await keystone.token('neutron'), '')).serviceRoles).toEqual([])
  })

  it('must have a service role where roles are required', async () => {
    const identity = openKeystone(configFor(keystone.url))
    const [token, serviceToken] = await Promise.all([keystone.token('demo'), keystone.token('admin')])
    expect((await identify(identity, token, serviceToken)).kind).toBe('invalid')
    const other = openKeystone(configFor(keystone.url, { serviceTokenRoles: ['cook', 'admin'] }))
    expect((await identify(other, token, serviceToken)).kind).toBe('valid')
  })

  it('may be without one where they are not, which the log says once', async () => {
    const { log, lines } = keepLog()
    const identity = openKeystone(configFor(keystone.url, { serviceTokenRolesRequired: false }), log)
    const [token, serviceToken] = await Promise.all([keystone.token('demo'), keystone.token('admin')])
    for (let again = 0; again < 3; again++)
      expect((await callerOf(identity, token, serviceToken)).serviceRoles).toContain('admin')
    expect(lines.filter((line) => line.includes('service_token_roles_required'))).toHaveLength(1)
  })

  it('makes a token good that has expired, if it has a service role', async () => {
    const identity = openKeystone(configFor(keystone.url, { serviceTokenRolesRequired: false }))
    const [service, admin] = await Promise.all([keystone.token('nova'), keystone.token('admin')])
    const { token, expiresAtMs } = await makeShortToken(keystone, 8)
    await sleepUntil(expiresAtMs + 1_000)
    expect((await identify(identity, token)).kind).toBe('invalid')
    expect((await identify(identity, token, admin)).kind).toBe('invalid')
    expect((await callerOf(identity, token, service)).userName).toBe('novacast')
    expect((await identify(identity, token)).kind).toBe('invalid')
  })

  it('is not asked about where there is no token beside it', async () => {
    const proxy = await openProxy(keystone.url)
    const identity = openKeystone(configFor(proxy.url))
    const serviceToken = await keystone.token('nova')
    expect(identity.identify({ token: undefined, serviceToken })).toMatchObject({ kind: 'invalid' })
    expect(proxy.requests).toEqual([])
  })
})
