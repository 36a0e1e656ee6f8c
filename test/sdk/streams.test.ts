import type { ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, createClient, type Happening, ReplacedError, type StreamStatus, staticToken } from '../../src/sdk/index.ts'
import { reconnectDelayMs } from '../../src/sdk/stay-connected.ts'
import { collect, startPeer } from './peer.ts'

const SERVER = '2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071'
const AT = '2026-11-24T10:00:00.000000Z'

const delivery = (id: string, attempt = 1) => ({
  id,
  server_uuid: SERVER,
  name: 'network-changed',
  status: 'completed',
  tag: null,
  request_id: 'req-1',
  global_request_id: null,
  accepted_at: AT,
  attempt,
})
const message = (event: string, data: unknown, id?: string) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** A peer whose n-th connection does what the n-th script says; answers 500 when there are no more. */
async function startStream(...scripts: ((response: ServerResponse) => void)[]) {
  const seen: { url: string | undefined; lastEventId: unknown }[] = []
  const url = await startPeer(({ request, response }) => {
    seen.push({ url: request.url, lastEventId: request.headers['last-event-id'] })
    const script = scripts[seen.length - 1]
    if (script === undefined) return response.writeHead(500).end()
    if (!response.headersSent) response.setHeader('content-type', 'text/event-stream')
    response.write('retry: 10\n\n')
    return script(response)
  })
  return { url, seen }
}

function connect(url: string): Client {
  const client = createClient({ url, auth: staticToken('admin:admin') })
  onTestFinished(() => client.close())
  return client
}

describe('a host that is followed', () => {
  it('gets its deliveries across connections, each going on behind the last', async () => {
    const { url, seen } = await startStream(
      (response) =>
        response.write(`: hello\n\n${message('external-event', delivery('1'), '1')}id: 2\nevent: exter`, () =>
          response.destroy(),
        ),
      (response) => response.end(message('external-event', delivery('2'), '2')),
      (response) => response.write(message('something-new', {}, '3') + message('external-event', delivery('4', 2), '4')),
    )
    const stop = new AbortController()
    const statuses: StreamStatus['kind'][] = []
    const got: string[] = []
    for await (const { id, attempt } of connect(url).hosts.follow('compute/1', {
      signal: stop.signal,
      onStatus: ({ kind }) => statuses.push(kind),
    })) {
      got.push(`${id} ${attempt}`)
      if (id === '4') stop.abort()
    }
    expect(got).toEqual(['1 1', '2 1', '4 2'])
    expect(seen).toEqual([
      { url: '/novacast/v1/hosts/compute%2F1/events', lastEventId: undefined },
      { url: '/novacast/v1/hosts/compute%2F1/events', lastEventId: '1' },
      { url: '/novacast/v1/hosts/compute%2F1/events', lastEventId: '2' },
    ])
    expect(statuses).toEqual(['connected', 'lost', 'connected', 'lost', 'connected'])
  })

  it('starts behind the id it is given', async () => {
    const { url, seen } = await startStream((response) => response.write(message('external-event', delivery('8'), '8')))
    for await (const _ of connect(url).hosts.follow('h', { lastEventId: '7' })) break
    expect(seen[0]?.lastEventId).toBe('7')
  })

  it('keeps trying while nobody is there or the service has trouble', async () => {
    let calls = 0
    const url = await startPeer(({ response, json }) => {
      if (++calls === 1) json(503, { serviceUnavailable: { code: 503, message: 'the disk is full' } })
      else response.write(message('external-event', delivery('1'), '1'))
    })
    const statuses: StreamStatus[] = []
    for await (const { id } of connect(url).hosts.follow('h', { onStatus: (status) => statuses.push(status) })) {
      expect(id).toBe('1')
      break
    }
    expect(statuses).toMatchObject([{ kind: 'lost', reason: 'the disk is full' }, { kind: 'connected' }])
  })

  it('is told when another client takes its place', async () => {
    const { url } = await startStream((response) => response.write(message('replaced', {})))
    await expect(connect(url).hosts.follow('compute-1').next()).rejects.toThrow(ReplacedError)
  })

  it('is told when it may not, and does not try again', async () => {
    let calls = 0
    const url = await startPeer(({ json }) => {
      calls++
      json(403, { forbidden: { code: 403, message: 'novacast:hosts:follow does not let you' } })
    })
    await expect(connect(url).hosts.follow('compute-1').next()).rejects.toMatchObject({ status: 403, code: 'forbidden' })
    expect(calls).toBe(1)
  })

  it('notices a connection that has gone silent', async () => {
    const { url } = await startStream(
      () => {},
      (response) => response.write(message('external-event', delivery('1'), '1')),
    )
    const reasons: string[] = []
    const options = {
      idleTimeoutMs: 2000,
      onStatus: (status: StreamStatus) => status.kind === 'lost' && reasons.push(status.reason),
    }
    for await (const { id } of connect(url).hosts.follow('h', options)) {
      expect(id).toBe('1')
      break
    }
    expect(reasons).toEqual([expect.stringContaining('the answer stopped coming')])
  })

  it('ends at once when it is told to, connected or waiting to try again', async () => {
    const { url } = await startStream(() => {})
    const stop = new AbortController()
    const ends = collect(connect(url).hosts.follow('h', { signal: stop.signal, onStatus: () => stop.abort() }))
    expect(await ends).toEqual([])
    const away = connect('http://127.0.0.1:9')
    const late = new AbortController()
    expect(await collect(away.hosts.follow('h', { signal: late.signal, onStatus: () => late.abort() }))).toEqual([])
    expect(await collect(away.hosts.follow('h', { signal: AbortSignal.abort() }))).toEqual([])
  })

  it('closes its connection when nobody listens any more', async () => {
    let closed: (() => void) | undefined
    const closing = new Promise<void>((resolve) => {
      closed = resolve
    })
    const { url } = await startStream((response) => {
      response.on('close', () => closed?.())
      response.write(message('external-event', delivery('1'), '1'))
    })
    for await (const _ of connect(url).hosts.follow('h')) break
    await closing
  })
})

describe('the live stream', () => {
  it('tells what happens and passes over what it does not know', async () => {
    const event = {
      id: '1',
      received_at: AT,
      request_id: 'req-1',
      global_request_id: null,
      sender: { user_id: 'admin', user_name: null, project_id: 'admin' },
      microversion: '2.93',
      server_uuid: SERVER,
      name: 'network-changed',
      status: 'completed',
      tag: null,
      code: 200,
      repeats: 0,
      last_repeat_at: null,
      deferral: null,
      deliveries: [],
      replay_of: null,
      replays: [],
    }
    const { url, seen } = await startStream((response) =>
      response.end(
        message('accepted', event) +
          message('dispatched', { id: '1', host: 'h', at: AT, more: 1 }) +
          message('moved', { id: '1', host: 'h', at: AT }) +
          message('something-new', { id: '1' }) +
          message('dropped', { count: 3 }),
      ),
    )
    const got: Happening[] = []
    for await (const happening of connect(url).events.tail({ host: 'h', name: undefined })) {
      got.push(happening)
      if (got.length === 4) break
    }
    expect(got).toEqual([
      { kind: 'accepted', event },
      { kind: 'dispatched', id: '1', host: 'h', at: AT, receipt: null },
      { kind: 'moved', id: '1', host: 'h', at: AT, receipt: null },
      { kind: 'dropped', count: 3 },
    ])
    expect(seen[0]?.url).toBe('/novacast/v1/events/stream?host=h')
  })
})

describe('the wait before reconnecting', () => {
  it('doubles up to half a minute and is never the same for all', () => {
    for (let failures = 0; failures < 2000; failures++) {
      const full = Math.min(1000 * 2 ** failures, 30_000)
      const delay = reconnectDelayMs(1000, failures)
      expect(delay).toBeGreaterThanOrEqual(full / 2)
      expect(delay).toBeLessThanOrEqual(full)
    }
    expect(new Set(Array.from({ length: 50 }, () => reconnectDelayMs(30_000, 0))).size).toBeGreaterThan(10)
  })
})
