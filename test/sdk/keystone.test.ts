import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient, type KeystoneAuth, keystoneToken, type TokenProvider } from '../../src/sdk/index.ts'
import { startPeer } from './peer.ts'

const password: KeystoneAuth = {
  kind: 'password',
  user: { name: 'neutron', domain: { id: 'default' } },
  password: 'very secret',
  scope: { project: { name: 'service', domain: { id: 'default' } } },
}

/** A peer that issues tokens t1, t2, … which live so long, and writes down what it was asked. */
async function startKeystone(liveMs: number) {
  const asked: { url: string | undefined; body: unknown }[] = []
  const url = await startPeer(async ({ request, body, json }) => {
    asked.push({ url: request.url, body: JSON.parse(await body()) })
    const expiresAt = new Date(Date.now() + liveMs).toISOString()
    json(201, { token: { expires_at: expiresAt } }, { 'x-subject-token': `t${asked.length}` })
  })
  return { url, asked }
}

function provide(authUrl: string, auth: KeystoneAuth = password): TokenProvider {
  const provider = keystoneToken({ authUrl, auth })
  onTestFinished(() => provider.close())
  return provider
}

describe('a Keystone token', () => {
  it('is asked for once, however many requests wait for it', async () => {
    const { url, asked } = await startKeystone(3_600_000)
    const provider = provide(`${url}/v3/`)
    expect(await Promise.all(Array.from({ length: 20 }, () => provider.token()))).toEqual(Array(20).fill('t1'))
    expect(await provider.token()).toBe('t1')
    expect(asked).toEqual([
      {
        url: '/v3/auth/tokens',
        body: {
          auth: {
            identity: {
              methods: ['password'],
              password: { user: { name: 'neutron', domain: { id: 'default' }, password: 'very secret' } },
            },
            scope: { project: { name: 'service', domain: { id: 'default' } } },
          },
        },
      },
    ])
  })

  it('is renewed before it ends', async () => {
    const { url } = await startKeystone(20_000)
    const provider = provide(url)
    expect([await provider.token(), await provider.token()]).toEqual(['t1', 't2'])
  })

  it('is renewed when it was refused, once for all who had it refused', async () => {
    const { url } = await startKeystone(3_600_000)
    const provider = provide(url)
    await provider.token()
    expect(await Promise.all([provider.token('t1'), provider.token('t1')])).toEqual(['t2', 't2'])
    expect(await provider.token('t1')).toBe('t2')
  })

  it('comes for an application credential too', async () => {
    const { url, asked } = await startKeystone(3_600_000)
    await provide(url, { kind: 'application-credential', credential: { id: 'c1' }, secret: 's' }).token()
    expect(asked[0]?.body).toEqual({
      auth: { identity: { methods: ['application_credential'], application_credential: { id: 'c1', secret: 's' } } },
    })
  })

  it('for the system says so', async () => {
    const { url, asked } = await startKeystone(3_600_000)
    await provide(url, { ...password, scope: { system: 'all' } }).token()
    expect(asked[0]?.body).toMatchObject({ auth: { scope: { system: { all: true } } } })
  })

  it('that is refused tells why, without the password', async () => {
    const url = await startPeer(({ json }) =>
      json(401, { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } }),
    )
    const error = await provide(url)
      .token()
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ status: 401, message: 'The request you have made requires authentication.' })
    expect(JSON.stringify(error) + String(error)).not.toContain('secret')
  })

  it('is asked for again after a failure', async () => {
    let calls = 0
    const url = await startPeer(({ json }) => {
      if (++calls === 1) json(503, { error: { message: 'later' } })
      else json(201, { token: { expires_at: '2099-01-01T00:00:00.000000Z' } }, { 'x-subject-token': 't' })
    })
    const provider = provide(url)
    await expect(provider.token()).rejects.toMatchObject({ status: 503 })
    expect(await provider.token()).toBe('t')
  })

  it('that the service refuses is replaced and the request sent again', async () => {
    const keystone = await startKeystone(3_600_000)
    const tokens: unknown[] = []
    const url = await startPeer(async ({ request, body, json }) => {
      await body()
      tokens.push(request.headers['x-auth-token'])
      if (request.headers['x-auth-token'] === 't1') json(401, { error: { code: 401, message: 'expired' } })
      else json(200, { events: [] })
    })
    const client = createClient({ url, auth: provide(keystone.url) })
    onTestFinished(() => client.close())
    expect(await client.sendEvents([])).toEqual([])
    expect(tokens).toEqual(['t1', 't2'])
  })
})
