import { beforeAll, describe, expect, it } from 'vitest'
import type { EventId } from '../../../src/events/event.ts'
import type { DecidedEvent } from '../../../src/journal/journal.ts'
import { decided, hostName, newEventId, submission } from '../../journal/journal-file.ts'
import { collect } from '../../sdk/peer.ts'
import { startOther } from './other-api.ts'
import { type RunningApi, startApi } from './running-api.ts'
import { openStream } from './sse.ts'

const PATH = '/novacast/v1/hosts'
const ID = newEventId()

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

async function commit(events: readonly DecidedEvent[]) {
  const post = submission(events)
  await api.journal.commit(post)
  return post
}

describe('a host', () => {
  it.each(['compute-1', 'a/b', 'a%2Fb', '100% ?#&=+', '…日本', ' ', '\u0000', 'Compute-1.Example.org', '../../x', ':host', '*'])(
    'may be called %j',
    async (host) => {
      const event = decided([host])
      await api.journal.commit(submission([event]))
      const path = `${PATH}/${encodeURIComponent(host).replaceAll('.', '%2E')}`
      expect((await api.ask('GET', path)).body).toEqual({ host, pending: 1, dispatched: 0, connected: false, last_seen: null })
      expect((await api.ask('GET', `/novacast/v1/events?host=${encodeURIComponent(host)}`)).body).toMatchObject({
        events: [{ id: event.id, deliveries: [{ host }] }],
      })
      const stream = openStream(api.url, `${path}/events`)
      await stream.isOpen
      expect((await api.ask('GET', path)).body).toMatchObject({ connected: true })
      expect((await api.ask('POST', `${path}/acks`, { body: { ids: [event.id] } })).body).toEqual({
        acknowledged: 1,
        unknown: [],
      })
      expect((await api.ask('GET', path)).body).toMatchObject({ host, pending: 0, dispatched: 0 })
      await stream.close()
    },
  )

  it('that nobody ever heard of is a 404', async () => {
    expect(await api.ask('GET', `${PATH}/nowhere`)).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: expect.stringContaining('Host nowhere is not known') } },
    })
  })

  it('is listed by name, page by page', async () => {
    const hosts = Array.from({ length: 12 }, (_, i) => `page-${String(i).padStart(2, '0')}`)
    await api.journal.commit(submission([decided(hosts)]))
    const first = (await api.ask('GET', `${PATH}?limit=5&marker=page-`)).body
    expect(first).toMatchObject({ hosts: hosts.slice(0, 5).map((host) => ({ host, pending: 1 })), next: 'page-04' })
    const all = await collect(api.client.hosts.list())
    expect(all.map(({ host }) => host).filter((host) => host.startsWith('page-'))).toEqual(hosts)
  })
})

describe('an acknowledgement', () => {
  it('names the ids that it does not know, and may come again', async () => {
    const [mine, other] = [decided(['acker']), decided(['somebody-else'])]
    await api.journal.commit(submission([mine, other]))
    expect(await api.client.hosts.ack('acker', [mine.id, other.id])).toEqual({ acknowledged: 1, unknown: [other.id] })
    expect(await api.client.hosts.ack('acker', [mine.id])).toEqual({ acknowledged: 0, unknown: [] })
    expect((await api.client.events.get(mine.id)).deliveries).toMatchObject([{ host: 'acker', state: 'acknowledged' }])
  })

  it('may say what came of each, which the sender can read', async () => {
    const events = [decided(['teller']), decided(['teller']), decided(['teller'])]
    const { requestId } = await commit(events)
    const [applied, failed, plain] = events.map(({ id }) => id) as [EventId, EventId, EventId]
    const receipts = [
      { id: applied, result: 'applied' },
      { id: failed, result: 'failed', reason: 'no such port' },
    ]
    const path = `${PATH}/teller/acks`
    expect((await api.ask('POST', path, { body: { ids: [plain, applied], receipts } })).body).toEqual({
      acknowledged: 3,
      unknown: [],
    })
    expect(await api.client.hosts.fail('teller', [applied], 'too late')).toEqual({ acknowledged: 0, unknown: [] })
    const found = await collect(api.client.events.search({ request_id: requestId, order: 'oldest' }))
    expect(
      found.flatMap(({ deliveries }) => deliveries.map(({ state, receipt, last_error }) => ({ state, receipt, last_error }))),
    ).toEqual([
      { state: 'acknowledged', receipt: { result: 'applied', reason: null }, last_error: null },
      { state: 'failed', receipt: { result: 'failed', reason: 'no such port' }, last_error: 'no such port' },
      { state: 'acknowledged', receipt: null, last_error: null },
    ])
    const metrics = (await api.ask('GET', '/metrics')).text
    for (const [result, count] of Object.entries({ applied: 1, failed: 1 }))
      expect(metrics).toContain(`novacast_receipts_total{result="${result}"} ${count}\n`)
  })

  it('may be of failures alone, and of a strange id', async () => {
    const [mine, other] = [decided(['failer']), decided(['somebody-else'])]
    await commit([mine, other])
    expect(await api.client.hosts.fail('failer', [mine.id, other.id], 'broken')).toEqual({ acknowledged: 1, unknown: [other.id] })
    expect((await api.client.events.get(mine.id)).deliveries).toMatchObject([{ state: 'failed', receipt: { reason: 'broken' } }])
    expect(await api.client.hosts.report('failer', [{ id: mine.id, result: 'applied' }])).toEqual({
      acknowledged: 0,
      unknown: [],
    })
  })

  it.each([
    [{ ids: [] }, 'body ids: expected a list of 1 to 1000 items, got 0'],
    [{ ids: Array(1001).fill('x') }, 'body ids: expected a list of 1 to 1000 items, got 1001'],
    [{ ids: ['x'] }, 'body ids[0]: expected the id of an event (a canonical uuid), got "x"'],
    [{ ids: 'x' }, 'body ids: expected a list of 1 to 1000 items, got "x"'],
    [{}, 'body: expected ids or receipts, got neither'],
    [{ receipts: [] }, 'body receipts: expected a list of 1 to 1000 items, got 0'],
    [{ receipts: [null] }, 'body receipts[0]: expected an object, got null'],
    [{ receipts: [{ id: ID }] }, 'body receipts[0] result: expected one of applied, failed, got nothing'],
    [{ receipts: [{ id: ID, result: 'done' }] }, 'body receipts[0] result: expected one of applied, failed, got "done"'],
    [
      { receipts: [{ id: ID, result: 'failed' }] },
      'body receipts[0] reason: expected why it failed (1 to 1000 characters), got nothing',
    ],
    [
      { receipts: [{ id: ID, result: 'failed', reason: 'x'.repeat(1001) }] },
      `body receipts[0] reason: expected why it failed (1 to 1000 characters), got "${'x'.repeat(60)}…"`,
    ],
    [
      { receipts: [{ id: ID, result: 'applied', reason: 'why not' }] },
      'body receipts[0]: expected only id, result, got "reason"',
    ],
    [
      { receipts: [ID, ID].map((id) => ({ id, result: 'applied' })) },
      `body receipts[1] id: expected each id once, got ${ID} again`,
    ],
  ])('of %j is refused', async (body, message) => {
    const path = `${PATH}/acker/acks`
    expect(await api.ask('POST', path, { body })).toMatchObject({ status: 400, body: { badRequest: { code: 400, message } } })
  })
})

describe("a host's stream", () => {
  it('hands out what is cast to the host, and ends when another client follows it', async () => {
    const event = decided(['streamed'])
    const { requestId, sender } = submission([event])
    const first = openStream(api.url, `${PATH}/streamed/events`)
    const response = await first.isOpen
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(response.headers['x-openstack-request-id']).toMatch(/^req-/)
    const receivedAtUs = Date.UTC(2026, 10, 24) * 1000
    const counts = { attempts: 0, tries: 0 }
    const about = { eventId: event.id, event: event.event, requestId, globalRequestId: null, receivedAtUs, sender, ...counts }
    const delivery = { ...about, host: hostName('streamed'), cell: null }
    const cast = { host: hostName('streamed'), cell: null, deliveries: [delivery], context: null, instances: new Map() } as const
    expect(await api.stream.cast(cast)).toEqual({ kind: 'taken' })
    expect(await first.next('external-event')).toMatchObject({
      id: event.id,
      accepted_at: '2026-11-24T00:00:00.000000Z',
      attempt: 1,
    })
    const second = openStream(api.url, `${PATH}/streamed/events`)
    await second.isOpen
    expect(await first.next('replaced')).toEqual({})
    await first.isOver
    await second.close()
  })

  it('is not there where casts go over RabbitMQ, and acknowledgements neither', async () => {
    const { ask } = await startOther({ ...api, stream: null })
    for (const [method, path] of [
      ['GET', `${PATH}/h/events`],
      ['POST', `${PATH}/h/acks`],
    ] as const)
      expect(await ask(method, path, method === 'POST' ? { body: { ids: [decided([]).id] } } : {})).toMatchObject({
        status: 404,
        body: { itemNotFound: { message: expect.stringContaining('RabbitMQ') } },
      })
  })
})
