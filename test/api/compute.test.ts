import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Journal, JournalUnavailable } from '../../src/journal/journal.ts'
import { type RunningNovacast, startNovacast } from '../support/novacast.ts'

const KNOWN = randomUUID()
const HOMELESS = randomUUID()
const ACTION = '/v2.1/os-server-external-events'

/** What a test asks of a novacast. */
interface Question {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly events?: readonly object[]
}

async function ask({ url }: RunningNovacast, { path = ACTION, method = 'POST', headers = {}, events }: Question) {
  const answer = await fetch(url + path, {
    method,
    headers: { 'Content-Type': 'application/json', 'X-Auth-Token': 'admin:admin', ...headers },
    redirect: 'manual',
    ...(events === undefined ? {} : { body: JSON.stringify({ events }) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, body: text === '' ? null : parse(text) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const plugged = (serverId: string) => ({ name: 'network-vif-plugged', server_uuid: serverId, tag: 'port' })

describe("Nova's API", () => {
  let novacast: RunningNovacast
  let failing: Error | null = null

  beforeAll(async () => {
    const around = (journal: Journal): Journal => ({
      ...journal,
      commit: (submission) => (failing === null ? journal.commit(submission) : Promise.reject(failing)),
    })
    const conf = '[novacast]\npath_prefix = /compute\n[oslo_middleware]\nenable_proxy_headers_parsing = true\n'
    novacast = await startNovacast({ conf, around })
    await novacast.put(KNOWN, 'compute-1')
    await novacast.put(HOMELESS, null)
  })
  afterAll(() => novacast.close())

  it('keeps every event with its outcome, accepted or refused, under the ids of the request', async () => {
    const globalId = `req-${randomUUID()}`
    const unknown = randomUUID()
    const events = [plugged(KNOWN), plugged(HOMELESS), plugged(unknown), { name: 'volume-extended', server_uuid: KNOWN }]
    const headers = { 'X-Openstack-Request-Id': globalId, 'OpenStack-API-Version': 'compute 2.51' }
    const answer = await ask(novacast, { events, headers })
    expect(answer.status).toBe(207)
    expect(answer.headers.get('x-openstack-request-id')).toMatch(/^req-[0-9a-f-]{36}$/)
    expect(answer.headers.get('x-compute-request-id')).toBe(answer.headers.get('x-openstack-request-id'))
    const kept = await novacast.journal.search({ requestId: globalId, limit: 10, order: 'oldest' })
    expect(kept.map(({ code, event }) => [code, event.serverId])).toEqual([
      [200, KNOWN],
      [422, HOMELESS],
      [404, unknown],
      [400, KNOWN],
    ])
    expect(kept[0]).toMatchObject({
      requestId: answer.headers.get('x-openstack-request-id'),
      globalRequestId: globalId,
      microversion: '2.51',
      sender: { userId: 'admin', projectId: 'admin' },
    })
  })

  it('writes its answers byte by byte as Nova does: ASCII, a space after each comma and colon', async () => {
    const answer = await ask(novacast, {
      events: [{ tag: 'é🎉', status: 'failed', server_uuid: KNOWN, name: 'network-changed' }],
    })
    expect(answer.text).toBe(
      `{"events": [{"tag": "\\u00e9\\ud83c\\udf89", "status": "completed", "server_uuid": "${KNOWN}", "name": "network-changed", "code": 200}]}`,
    )
  })

  it('answers 404 when every server is unknown, and 207 when one is known', async () => {
    const unknown = randomUUID()
    const answer = await ask(novacast, { events: [plugged(unknown), plugged(randomUUID())] })
    expect(answer.status).toBe(404)
    expect(answer.body).toEqual({ itemNotFound: { code: 404, message: 'No instances found for any event' } })
    expect(answer.headers.get('openstack-api-version')).toBe('compute 2.1')
    expect((await novacast.journal.search({ serverId: unknown as never, limit: 1 }))[0]?.code).toBe(404)
    expect((await ask(novacast, { events: [plugged(unknown), plugged(HOMELESS)] })).status).toBe(207)
  })

  it.each([
    ['JournalUnavailable', new JournalUnavailable('the disk is full'), 503, '1'],
    ['anything unexpected', new Error('a surprise'), 500, null],
  ])('answers %s with a clear envelope, and nothing of what happened inside', async (_name, error, status, retryAfter) => {
    failing = error
    const answer = await ask(novacast, { events: [plugged(KNOWN)] })
    failing = null
    expect(answer.status).toBe(status)
    expect(answer.headers.get('retry-after')).toBe(retryAfter)
    expect(answer.body).toHaveProperty([status === 503 ? 'serviceUnavailable' : 'computeFault', 'code'], status)
    expect(answer.text).not.toContain(error.message)
  })

  it('serves everything under the prefix as well, and says so in its links', async () => {
    expect((await ask(novacast, { path: `/compute${ACTION}`, events: [plugged(KNOWN)] })).status).toBe(200)
    for (const path of ['/compute', '/compute/']) {
      const { status, body } = await ask(novacast, { path, method: 'GET' })
      expect(status).toBe(200)
      expect(body).toHaveProperty('versions.1.links.0.href', `${novacast.url}/compute/v2.1/`)
    }
    const version = await ask(novacast, { path: '/compute/v2.1/', method: 'GET' })
    expect(version.body).toHaveProperty('version.links.0.href', `${novacast.url}/compute/v2.1/`)
    expect((await ask(novacast, { path: '/computer/v2.1/', method: 'GET' })).status).toBe(300)
  })

  it.each([
    [{ 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'cloud.example:443' }, 'https://cloud.example'],
    [
      { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'cloud.example:8774', 'X-Forwarded-Prefix': '/p' },
      'https://cloud.example:8774/p',
    ],
    [
      { Forwarded: 'for=1.2.3.4;proto=https;host=a.example, host=b.example', 'X-Forwarded-Host': 'c.example' },
      'https://a.example',
    ],
  ])('believes proxies when it was told to: %j', async (headers, base) => {
    const { body } = await ask(novacast, { path: '/', method: 'GET', headers: headers as Record<string, string> })
    expect(body).toHaveProperty('versions.0.links.0.href', `${base}/v2/`)
  })

  it('reads a chunked body up to the limit, and refuses one beyond', async () => {
    const send = (bytes: number) =>
      fetch(novacast.url + ACTION, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Auth-Token': 'admin:admin' },
        body: new Blob([JSON.stringify({ events: [plugged(KNOWN)] }).padEnd(bytes)]).stream(),
        duplex: 'half',
      } as RequestInit)
    expect((await send(114_688)).status).toBe(200)
    expect((await send(114_689)).status).toBe(413)
  })

  it('answers OPTIONS with nothing but success', async () => {
    const answer = await ask(novacast, { method: 'OPTIONS', headers: { 'X-Auth-Token': '' } })
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([200, '', null])
  })
})

describe('without proxy headers, and with a prefix for links', () => {
  let novacast: RunningNovacast
  beforeAll(async () => {
    novacast = await startNovacast({ conf: '[api]\ncompute_link_prefix = https://api.example/nova\n' })
  })
  afterAll(() => novacast.close())

  it('puts the prefix where scheme and host would be', async () => {
    const headers = { 'X-Forwarded-Host': 'evil.example', Host: 'x' }
    const { body } = await ask(novacast, { path: '/v2.1', method: 'GET', headers })
    expect(body).toHaveProperty('version.links.0.href', 'https://api.example/nova/v2.1/')
  })

  it('offers the newest microversion it was built for, and no newer', async () => {
    const { body } = await ask(novacast, { path: '/v2.1/', method: 'GET' })
    const newest = String((body as { version: { version: string } }).version.version)
    const latest = await ask(novacast, { path: '/v2.1/', method: 'GET', headers: { 'OpenStack-API-Version': 'compute latest' } })
    expect(latest.headers.get('openstack-api-version')).toBe(`compute ${newest}`)
    const above = `compute 2.${Number(newest.split('.')[1]) + 1}`
    expect((await ask(novacast, { path: '/v2.1/', method: 'GET', headers: { 'OpenStack-API-Version': above } })).status).toBe(406)
  })
})

describe('when the journal does not keep up', () => {
  it('answers 503 at once to what would wait without bound, and keeps what waits', async () => {
    const opened = Promise.withResolvers<void>()
    let waiting = 0
    const around = (journal: Journal): Journal => ({
      ...journal,
      commit: async (submission) => {
        waiting++
        await opened.promise
        return journal.commit(submission)
      },
    })
    const novacast = await startNovacast({ around })
    try {
      await novacast.put(KNOWN, 'compute-1')
      const events = Array.from({ length: 900 }, () => plugged(KNOWN))
      const posts = Array.from({ length: 111 }, () => ask(novacast, { events }))
      await expect.poll(() => waiting, { timeout: 60_000 }).toBe(111)
      const refused = await ask(novacast, { events })
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      expect(refused.body).toHaveProperty('serviceUnavailable.message', expect.stringContaining('Nothing was accepted'))
      opened.resolve()
      expect(new Set((await Promise.all(posts)).map(({ status }) => status))).toEqual(new Set([200]))
      expect((await ask(novacast, { events })).status).toBe(200)
    } finally {
      opened.resolve()
      await novacast.close()
    }
  })
})
