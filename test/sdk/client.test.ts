import { describe, expect, it, onTestFinished } from 'vitest'
import { ApiError, type Client, ConnectionError, createClient, ProtocolError, staticToken } from '../../src/sdk/index.ts'
import { type Exchange, freePort, startPeer } from './peer.ts'

const SERVER = '2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071'

function connect(url: string): Client {
  const client = createClient({ url, auth: staticToken('admin:admin') })
  onTestFinished(() => client.close())
  return client
}

const registered = (uuid: string) => ({
  uuid,
  host: 'compute-1',
  moving_to: null,
  project_id: null,
  name: null,
  updated_at: '2026-11-24T10:00:00.000000Z',
})

describe('the client', () => {
  it('sends events with a pinned microversion and tells the outcomes in order', async () => {
    const seen: unknown[] = []
    const url = await startPeer(async ({ request, body, json }) => {
      seen.push(request.method, request.url, JSON.parse(await body()))
      seen.push(
        request.headers['openstack-api-version'],
        request.headers['x-auth-token'],
        request.headers['x-openstack-request-id'],
      )
      json(207, { events: [{ name: 'network-changed', server_uuid: SERVER, status: 'failed', code: 404 }] })
    })
    const events = [{ name: 'network-changed', server_uuid: SERVER }]
    const outcomes = await connect(`${url}/compute/`).sendEvents(events, { requestId: 'req-1' })
    expect(outcomes).toEqual([{ name: 'network-changed', server_uuid: SERVER, status: 'failed', tag: null, code: 404 }])
    expect(seen).toEqual(['POST', '/compute/v2.1/os-server-external-events', { events }, 'compute 2.93', 'admin:admin', 'req-1'])
  })

  it('puts, gets and removes servers, whatever is in their names', async () => {
    const seen: unknown[] = []
    const url = await startPeer(async ({ request, response, body, json }) => {
      seen.push(`${request.method} ${request.url} ${await body()}`)
      if (request.method === 'DELETE') response.writeHead(204).end()
      else json(200, registered('a/b'))
    })
    const { servers } = connect(url)
    expect(await servers.put('a/b', { host: 'compute-1' })).toEqual(registered('a/b'))
    expect(await servers.get('a/b')).toEqual(registered('a/b'))
    expect(await servers.remove('a/b')).toBeUndefined()
    expect(seen).toEqual([
      'PUT /novacast/v1/servers/a%2Fb {"host":"compute-1"}',
      'GET /novacast/v1/servers/a%2Fb ',
      'DELETE /novacast/v1/servers/a%2Fb ',
    ])
  })

  it('lists page by page, no further than it is asked to', async () => {
    const asked: (string | undefined)[] = []
    const url = await startPeer(({ request, json }) => {
      asked.push(request.url)
      const from = Number(new URL(request.url ?? '', 'http://x').searchParams.get('marker') ?? 0)
      const servers = Array.from({ length: 2 }, (_, i) => registered(`uuid-${from + i}`))
      json(200, { servers, next: from < 6 ? String(from + 2) : null })
    })
    const { servers } = connect(url)
    const uuids: string[] = []
    for await (const { uuid } of servers.list({ host: 'compute 1' })) uuids.push(uuid)
    expect(uuids).toEqual(Array.from({ length: 8 }, (_, i) => `uuid-${i}`))
    expect(asked[1]).toBe('/novacast/v1/servers?host=compute+1&limit=1000&marker=2')

    asked.length = 0
    const three: string[] = []
    for await (const { uuid } of servers.list({ limit: 3 })) three.push(uuid)
    expect(three).toEqual(['uuid-0', 'uuid-1', 'uuid-2'])
    expect(asked).toEqual(['/novacast/v1/servers?limit=3', '/novacast/v1/servers?limit=1&marker=2'])
  })
})

describe('a failure', () => {
  const failing = (script: (exchange: Exchange) => unknown) =>
    startPeer(script).then((url) =>
      connect(url)
        .hosts.get('compute-1')
        .catch((error: unknown) => error),
    )

  it('that the service means is an ApiError with its code, message and request id', async () => {
    const error = await failing(({ json }) =>
      json(404, { itemNotFound: { code: 404, message: 'No host compute-1.' } }, { 'x-openstack-request-id': 'req-7' }),
    )
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 404, code: 'itemNotFound', message: 'No host compute-1.', requestId: 'req-7' })
  })

  it('without an envelope says what was tried', async () => {
    const error = await failing(({ response }) => response.writeHead(502).end('<html>Bad gateway</html>'))
    expect(error).toMatchObject({ status: 502, code: 'unknown', requestId: null })
    expect(String(error)).toMatch(/GET http:\/\/127\.0\.0\.1:\d+\/novacast\/v1\/hosts\/compute-1 was answered 502$/)
  })

  it('because something else answers names the place that does not fit', async () => {
    const error = await failing(({ json }) => json(200, { host: 'compute-1', pending: 'many' }))
    expect(error).toBeInstanceOf(ProtocolError)
    expect(String(error)).toMatch(/hosts\/compute-1\.pending: expected a number, got string\. Does the URL lead to novacast\?$/)
    expect(await failing(({ response }) => response.end('hello'))).toBeInstanceOf(ProtocolError)
  })

  it('to connect says what was tried and what happened', async () => {
    const port = await freePort()
    const error = await connect(`http://127.0.0.1:${port}`)
      .hosts.get('compute-1')
      .catch((error: unknown) => error)
    expect(error).toBeInstanceOf(ConnectionError)
    expect(String(error)).toBe(
      `ConnectionError: GET http://127.0.0.1:${port}/novacast/v1/hosts/compute-1: connection refused: nothing listens there (ECONNREFUSED)`,
    )
  })

  it('in the middle of an answer is a ConnectionError', async () => {
    const error = await failing(({ response }) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{', () => response.destroy())
    })
    expect(error).toBeInstanceOf(ConnectionError)
  })

  it('of a URL that is none says what a URL looks like', () => {
    for (const url of ['localhost:8774', 'ftp://x', 'http://x/?a=b', ''])
      expect(() => createClient({ url, auth: staticToken('t') })).toThrow(/expected a URL like http/)
  })
})

describe('an import', () => {
  it('streams any number of lines in small memory and tells how far it is', async () => {
    let received = 0
    const url = await startPeer(async ({ request, json }) => {
      for await (const chunk of request) received += chunk.length
      json(200, { imported: 1_600_000 })
    })
    const line = `${JSON.stringify({ uuid: SERVER, host: 'compute-1', name: 'x'.repeat(100) })}\n`
    async function* pieces() {
      for (let i = 0; i < 1600; i++) yield line.repeat(1000)
    }
    let most = 0
    let last = { bytes: 0, lines: 0 }
    const before = process.memoryUsage().rss
    const imported = await connect(url).servers.import(pieces(), {
      onProgress: (progress) => {
        last = progress
        most = Math.max(most, process.memoryUsage().rss - before)
      },
    })
    expect(imported).toBe(1_600_000)
    expect(last).toEqual({ bytes: line.length * 1_600_000, lines: 1_600_000 })
    expect(received).toBe(last.bytes)
    // 270 MB went through both sides, which are in this process, and what they left behind is collected now and then.
    expect(most).toBeLessThan(135e6)
  })

  it('that is refused before its end fails with the refusal', async () => {
    const url = await startPeer(({ request, json }) => {
      request.once('data', () => json(400, { badRequest: { code: 400, message: 'line 1: not JSON' } }, { connection: 'close' }))
    })
    async function* pieces() {
      yield 'nonsense\n'
      await new Promise((resolve) => setTimeout(resolve, 200))
      for (let i = 0; i < 100; i++) yield 'nonsense\n'.repeat(1000)
    }
    await expect(connect(url).servers.import(pieces())).rejects.toMatchObject({ status: 400, message: 'line 1: not JSON' })
  })
})
