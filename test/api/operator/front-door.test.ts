import { request as send } from 'node:http'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Identity } from '../../../src/identity/identity.ts'
import { startOther } from './other-api.ts'
import { type AskOptions, type RunningApi, startApi } from './running-api.ts'

const A = '11111111-1111-4111-8111-111111111111'
const SERVERS = '/novacast/v1/servers'

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

describe('every answer', () => {
  it('carries a request id of its own', async () => {
    const ids = new Set<string | null>()
    for (const path of [SERVERS, '/nowhere', '/healthcheck', `${SERVERS}/%zz`, '/novacast/v1/hosts/h'])
      ids.add((await api.ask('GET', path)).headers.get('x-openstack-request-id'))
    expect(ids.size).toBe(5)
    for (const id of ids) expect(id).toMatch(/^req-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  const refusals: readonly [string, string, AskOptions, number, string][] = [
    ['GET', '/novacast/v2/servers', {}, 404, 'itemNotFound'],
    ['GET', '/novacast/v1/servers/', {}, 400, 'badRequest'],
    ['GET', '/novacast/v1/hosts/a/b', {}, 404, 'itemNotFound'],
    ['PATCH', SERVERS, {}, 405, 'badMethod'],
    ['DELETE', SERVERS, {}, 405, 'badMethod'],
    ['OPTIONS', `${SERVERS}/${A}`, {}, 405, 'badMethod'],
    ['PROPFIND', `${SERVERS}/${A}`, {}, 405, 'badMethod'],
    ['POST', '/healthcheck', {}, 405, 'badMethod'],
    ['GET', `${SERVERS}/%zz`, {}, 400, 'badRequest'],
    ['GET', `${SERVERS}/%ff`, {}, 400, 'badRequest'],
    ['GET', `${SERVERS}/%`, {}, 400, 'badRequest'],
    ['PUT', `${SERVERS}/${A}`, { body: '{', headers: { 'content-type': 'application/json' } }, 400, 'badRequest'],
    [
      'PUT',
      `${SERVERS}/${A}`,
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'badMediaType',
    ],
    ['PUT', `${SERVERS}/${A}`, { body: '{}', headers: { 'content-type': 'nonsense' } }, 415, 'badMediaType'],
    ['PUT', `${SERVERS}/${A}`, { body: '{}', headers: { 'content-type': 'application/x-ndjson' } }, 415, 'badMediaType'],
    ['PUT', `${SERVERS}/${A}`, { body: `{"name":"${'x'.repeat(200_000)}"}` }, 413, 'overLimit'],
    ['PUT', `${SERVERS}/${A}`, { body: '['.repeat(100_000) }, 400, 'badRequest'],
    ['POST', SERVERS, { body: [] }, 415, 'badMediaType'],
  ]
  it.each(refusals)('to %s %s with %j is %i %s in the envelope', async (method, path, options, status, fault) => {
    const answer = await api.ask(method, path, options)
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual({ [fault]: { code: status, message: expect.any(String) } })
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(answer.text).not.toMatch(/FST_|statusCode|fastify/i)
  })

  it('to another method says which there are', async () => {
    expect((await api.ask('PATCH', SERVERS)).headers.get('allow')).toBe('GET, HEAD, POST')
    expect((await api.ask('POST', '/novacast/v1/events/stream')).headers.get('allow')).toBe('GET')
  })

  it('comes under the configured prefix too', async () => {
    for (const pathPrefix of ['/compute', '/novacast', '/a/b']) {
      const { ask } = await startOther({ ...api, config: { ...api.config, listen: { ...api.config.listen, pathPrefix } } })
      for (const path of [SERVERS, `${SERVERS}?limit=1`, '/healthcheck'])
        for (const prefix of ['', pathPrefix])
          expect(`${prefix}${path} ${(await ask('GET', prefix + path)).status}`).toMatch(/ 200$/)
      expect((await ask('GET', `${pathPrefix}${pathPrefix}${SERVERS}`)).status).toBe(404)
    }
  })
})

describe('a token', () => {
  it('is needed by everything but health, metrics and the document', async () => {
    for (const path of [
      SERVERS,
      '/novacast/v1/hosts',
      '/novacast/v1/events',
      '/novacast/v1/events/stream',
      '/novacast/v1/hosts/h/events',
    ]) {
      const { status, headers, body } = await api.ask('GET', path, { headers: { 'x-auth-token': '' } })
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toBe(api.identity.challenge)
      expect(body).toEqual({ unauthorized: { code: 401, message: expect.any(String) } })
    }
    for (const path of ['/healthcheck', '/livez', '/readyz', '/metrics', '/openapi.json'])
      expect((await api.ask('GET', path, { headers: { 'x-auth-token': '' } })).status).toBe(200)
  })

  it('of somebody who may not is a 403 that names the rule', async () => {
    const headers = { 'x-auth-token': 'nobody:p' }
    const rules: readonly [string, string, string][] = [
      ['GET', SERVERS, 'novacast:servers:read'],
      ['PUT', `${SERVERS}/${A}`, 'novacast:servers:write'],
      ['GET', '/novacast/v1/events', 'novacast:events:read'],
      ['GET', '/novacast/v1/hosts', 'novacast:hosts:read'],
      ['GET', '/novacast/v1/hosts/h/events', 'novacast:hosts:follow'],
      ['POST', '/novacast/v1/hosts/h/acks', 'novacast:hosts:follow'],
      ['POST', '/novacast/v1/events/replay', 'novacast:events:replay'],
      ['POST', `/novacast/v1/events/${A}/replay`, 'novacast:events:replay'],
    ]
    for (const [method, path, rule] of rules)
      expect(await api.ask(method, path, { headers, ...(method !== 'GET' && { body: {} }) })).toMatchObject({
        status: 403,
        body: { forbidden: { code: 403, message: `Policy doesn't allow ${rule} to be performed.` } },
      })
  })

  it('that cannot be checked now is a 503, never a 401', async () => {
    const identity: Identity = {
      identify: async () => ({ kind: 'unavailable', reason: 'connection refused' }),
      challenge: 'Keystone uri="http://x"',
      close: async () => {},
    }
    const { ask } = await startOther({ ...api, identity })
    const { status, headers, body } = await ask('GET', SERVERS)
    expect({ status, retry: headers.get('retry-after') }).toEqual({ status: 503, retry: '1' })
    expect(body).toEqual({ serviceUnavailable: { code: 503, message: expect.stringContaining('identity service') } })
  })
})

describe('health', () => {
  it('is OK in words that any load balancer understands, with HEAD too', async () => {
    for (const path of ['/healthcheck', '/readyz', '/livez', '/healthcheck?x=1&x=2']) {
      expect(await api.ask('GET', path)).toMatchObject({ status: 200, text: 'OK\n' })
      expect(await api.ask('HEAD', path)).toMatchObject({ status: 200, text: '' })
    }
  })

  it('says why requests cannot be served, while the process lives', async () => {
    const { ask } = await startOther({ ...api, isReady: () => ({ kind: 'not-ready', reason: 'stopping' }) })
    for (const path of ['/healthcheck', '/readyz'])
      expect(await ask('GET', path)).toMatchObject({
        status: 503,
        body: { serviceUnavailable: { code: 503, message: 'stopping' } },
      })
    expect((await ask('GET', '/livez')).status).toBe(200)
  })
})

describe('trouble behind the API', () => {
  it('is a 503 with Retry-After and the reason', async () => {
    const broken = await startApi()
    onTestFinished(broken.close)
    await broken.journal.close()
    for (const path of ['/novacast/v1/events', '/novacast/v1/hosts', SERVERS]) {
      const { status, headers, body } = await broken.ask('GET', path)
      expect({ path, status, retry: headers.get('retry-after') }).toEqual({ path, status: 503, retry: '1' })
      expect(body).toHaveProperty('serviceUnavailable.message')
    }
  })

  it('that nobody expected is a 500 without its insides', async () => {
    const broken = { ...api.journal, host: () => Promise.reject(new Error('secret insides')) }
    const { ask } = await startOther({ ...api, journal: broken })
    const { status, headers, body } = await ask('GET', '/novacast/v1/hosts/h')
    expect(status).toBe(500)
    expect(body).toEqual({
      computeFault: { code: 500, message: expect.stringContaining(String(headers.get('x-openstack-request-id'))) },
    })
    expect(JSON.stringify(body)).not.toContain('secret')
  })
})

describe('a request that breaks off', () => {
  it('stops nothing', async () => {
    for (const [path, type] of [
      [SERVERS, 'application/x-ndjson'],
      [`${SERVERS}/${A}`, 'application/json'],
    ] as const) {
      const method = path === SERVERS ? 'POST' : 'PUT'
      const headers = { 'x-auth-token': 'admin:admin', 'content-type': type, 'content-length': '100' }
      const broken = send(`${api.url}${path}`, { method, headers }).on('error', () => {})
      broken.write(`{"uuid": "${A}"}\n`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      broken.destroy()
    }
    expect((await api.ask('GET', SERVERS)).body).toEqual({ servers: [], next: null })
  })
})
