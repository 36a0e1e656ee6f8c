import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Journal } from '../../src/journal/journal.ts'
import { createClient, staticToken } from '../../src/sdk/index.ts'
import { type RunningNovacast, startNovacast } from '../support/novacast.ts'

const ACTION = '/v2.1/os-server-external-events'
/** Whoever asks may send, so that two users can. */
const POLICY = '"os_compute_api:os-server-external-events:create": ""\n'
const KNOWN = randomUUID()
const HOMELESS = randomUUID()
const newRequestId = () => `req-${randomUUID()}`

interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly events?: readonly object[]
  readonly body?: string
  readonly path?: string
}

let novacast: RunningNovacast
/** Called when a commit is on disk, before anybody hears of it. */
let onCommitted: () => Promise<void> = async () => {}

async function start(conf = ''): Promise<RunningNovacast> {
  const around = (journal: Journal): Journal => ({
    ...journal,
    commitOnce: async (submission, key) => {
      const committed = await journal.commitOnce(submission, key)
      await onCommitted()
      return committed
    },
  })
  const started = await startNovacast({ conf, around, policy: POLICY })
  await started.put(KNOWN, 'compute-1')
  await started.put(HOMELESS, null)
  return started
}

async function send({ headers, events, body, path = ACTION }: Sent, { url } = novacast) {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Auth-Token': 'admin:admin', ...headers },
    body: body ?? JSON.stringify({ events }),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const plugged = (server_uuid = KNOWN, tag: string = randomUUID()) => ({ name: 'network-vif-plugged', server_uuid, tag })
const storiesOf = (requestId: string, { journal } = novacast) => journal.search({ requestId, limit: 100, order: 'oldest' })
const repeatOf = ({ headers }: { readonly headers: Headers }) => headers.get('x-novacast-repeat-of')
const ownId = ({ headers }: { readonly headers: Headers }) => headers.get('x-compute-request-id') ?? ''

async function countedRepeats(): Promise<Record<string, number>> {
  const text = await (await fetch(`${novacast.url}/metrics`)).text()
  const lines = text.matchAll(/^novacast_repeats_total\{by="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, by = '', count]) => [by, Number(count)]))
}

describe('a request that comes again with its X-OpenStack-Request-ID', () => {
  beforeAll(async () => {
    novacast = await start()
  })
  afterAll(() => novacast.close())
  beforeEach(() => {
    onCommitted = async () => {}
  })

  it('is answered as the first was, under an id of its own, and accepted once', async () => {
    const id = newRequestId()
    const before = (await countedRepeats())['request_id'] ?? 0
    const request = { headers: { 'X-OpenStack-Request-ID': id }, events: [plugged(), { ...plugged(), status: 'failed' }] }
    const first = await send(request)
    const again = await send(request)
    const third = await send(request)
    expect([first.status, again.status, third.status]).toEqual([200, 200, 200])
    expect([again.text, third.text]).toEqual([first.text, first.text])
    expect([repeatOf(first), repeatOf(again), repeatOf(third)]).toEqual([null, ownId(first), ownId(first)])
    expect(new Set([ownId(first), ownId(again), ownId(third)]).size).toBe(3)
    for (const name of ['content-type', 'openstack-api-version', 'vary'])
      expect(again.headers.get(name)).toBe(first.headers.get(name))
    const stories = await storiesOf(id)
    expect(stories.map(({ requestId, repeats }) => [requestId, repeats.count])).toEqual([
      [ownId(first), 2],
      [ownId(first), 2],
    ])
    expect((await countedRepeats())['request_id']).toBe(before + 2)
  })

  it('hears the outcomes that were decided first, whatever they would be now', async () => {
    const late = randomUUID()
    const id = newRequestId()
    const mixed = {
      headers: { 'X-OpenStack-Request-ID': id, 'OpenStack-API-Version': 'compute 2.51' },
      events: [plugged(), plugged(late), plugged(HOMELESS), { name: 'volume-extended', server_uuid: KNOWN }],
    }
    const unknown = { headers: { 'X-OpenStack-Request-ID': newRequestId() }, events: [plugged(late), plugged(late)] }
    const firsts = [await send(mixed), await send(unknown)]
    expect(firsts.map(({ status }) => status)).toEqual([207, 404])
    await novacast.put(late, 'compute-2')
    await novacast.put(HOMELESS, 'compute-2')
    const repeats = [await send(mixed), await send(unknown)]
    await novacast.put(HOMELESS, null)
    expect(repeats.map(({ status, text }) => [status, text])).toEqual(firsts.map(({ status, text }) => [status, text]))
    expect(repeats.map(repeatOf)).toEqual(firsts.map(ownId))
    expect(await novacast.journal.host('compute-2' as never)).toBeNull()
    expect((await storiesOf(id)).map(({ code }) => code)).toEqual([200, 404, 422, 400])
  })

  it('is a first again with another body, user, project, version or path', async () => {
    const event = plugged()
    const id = { 'X-OpenStack-Request-ID': newRequestId() }
    const others: Sent[] = [
      { headers: id, events: [event] },
      { headers: id, events: [plugged()] },
      { headers: id, body: JSON.stringify({ events: [event] }, null, 1) },
      { headers: { ...id, 'X-Auth-Token': 'admin:other' }, events: [event] },
      { headers: { ...id, 'X-Auth-Token': 'other:admin' }, events: [event] },
      { headers: { ...id, 'OpenStack-API-Version': 'compute 2.93' }, events: [event] },
      { headers: id, path: '/v2/os-server-external-events', events: [event] },
    ]
    for (const each of others) {
      const first = await send(each)
      expect([first.status, repeatOf(first)]).toEqual([200, null])
      expect(repeatOf(await send(each))).toBe(ownId(first))
    }
  })

  it('is a first each time without an id, or with one of another form', async () => {
    const events = [plugged()]
    for (const headers of [{}, { 'X-OpenStack-Request-ID': 'mine' }]) {
      expect(repeatOf(await send({ headers, events }))).toBeNull()
      expect(repeatOf(await send({ headers, events }))).toBeNull()
    }
  })

  it('while the first is under way waits for it, and is accepted once', async () => {
    const requests = Array.from({ length: 10 }, () => ({
      headers: { 'X-OpenStack-Request-ID': newRequestId() },
      events: [plugged(), plugged(HOMELESS)],
    }))
    const answers = await Promise.all(requests.flatMap((each) => [each, each, each, each]).map((each) => send(each)))
    for (const [i, { headers }] of requests.entries()) {
      const own = answers.slice(i * 4, i * 4 + 4)
      expect(new Set(own.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
      expect(own.filter((each) => repeatOf(each) === null)).toHaveLength(1)
      expect((await storiesOf(headers['X-OpenStack-Request-ID'])).map(({ repeats }) => repeats.count)).toEqual([3, 3])
    }
  })

  it('after its connection broke between the commit and the reply is delivered once', async () => {
    const id = newRequestId()
    const event = plugged()
    const body = JSON.stringify({ events: [event] })
    const isCommitted = Promise.withResolvers<void>()
    const isBroken = Promise.withResolvers<void>()
    onCommitted = async () => {
      isCommitted.resolve()
      await isBroken.promise
    }
    const socket = connect(novacast.port, '127.0.0.1').on('error', () => {})
    const heard: Buffer[] = []
    socket.on('data', (piece: Buffer) => heard.push(piece))
    socket.write(
      `POST ${ACTION} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: admin:admin\r\nContent-Type: application/json\r\nX-OpenStack-Request-ID: ${id}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await isCommitted.promise
    const isGone = new Promise((resolve) => socket.once('close', resolve))
    socket.destroy()
    await isGone
    onCommitted = async () => {}
    const again = await send({ headers: { 'X-OpenStack-Request-ID': id }, body })
    isBroken.resolve()
    expect(heard).toEqual([])
    expect(again.status).toBe(200)
    expect(JSON.parse(again.text)).toEqual({ events: [{ ...event, status: 'completed', code: 200 }] })
    const [story, ...others] = await storiesOf(id)
    expect([others, repeatOf(again), story?.repeats.count]).toEqual([[], story?.requestId, 1])
    const client = createClient({ url: novacast.url, auth: staticToken('admin:admin') })
    const last = await send({ headers: {}, events: [plugged(KNOWN, 'the last')] })
    expect(last.status).toBe(200)
    const arrived: (string | null)[] = []
    for await (const { tag, id: eventId } of client.hosts.follow('compute-1')) {
      arrived.push(tag)
      await client.hosts.ack('compute-1', [eventId])
      if (tag === 'the last') break
    }
    expect(arrived.filter((tag) => tag === event.tag)).toHaveLength(1)
    expect(await client.events.get(story?.id ?? '')).toMatchObject({ repeats: 1, last_repeat_at: expect.any(String) })
    await client.close()
  })
})

describe('a request that comes again with its Idempotency-Key', () => {
  beforeAll(async () => {
    novacast = await start()
  })
  afterAll(() => novacast.close())

  it('is answered as the first was and accepted once, however the key is written', async () => {
    const key = randomUUID()
    const events = [plugged(), plugged(randomUUID())]
    const first = await send({ headers: { 'Idempotency-Key': `"${key}"`, 'X-OpenStack-Request-ID': newRequestId() }, events })
    const again = await send({ headers: { 'Idempotency-Key': key }, events })
    expect([first.status, again.status, again.text]).toEqual([207, 207, first.text])
    expect(repeatOf(again)).toBe(ownId(first))
    expect(await countedRepeats()).toMatchObject({ idempotency_key: 1 })
    const client = createClient({ url: novacast.url, auth: staticToken('admin:admin') })
    const own = { idempotencyKey: 'a "key" \\ of mine' }
    const event = plugged()
    expect(await client.sendEvents([event], own)).toEqual(await client.sendEvents([event], own))
    await client.close()
    expect((await novacast.journal.search({ tag: event.tag, limit: 9 })).map(({ repeats }) => repeats.count)).toEqual([1])
  })

  it('is refused with another body, and another user has keys of its own', async () => {
    const headers = { 'Idempotency-Key': `"${randomUUID()}"` }
    const events = [plugged()]
    const first = await send({ headers, events })
    const refused = [
      await send({ headers, events: [plugged()] }),
      await send({ headers: { ...headers, 'OpenStack-API-Version': 'compute 2.93' }, events }),
    ]
    for (const { status, text } of refused) {
      expect(status).toBe(422)
      expect(JSON.parse(text)).toEqual({
        unprocessableEntity: { code: 422, message: expect.stringContaining(`in the request ${ownId(first)}`) },
      })
    }
    const others = await send({ headers: { ...headers, 'X-Auth-Token': 'admin:other' }, events: [plugged()] })
    expect([others.status, repeatOf(others)]).toEqual([200, null])
    expect(repeatOf(await send({ headers, events }))).toBe(ownId(first))
  })

  it('is told from others by the key alone, whatever its X-OpenStack-Request-ID', async () => {
    const id = { 'X-OpenStack-Request-ID': newRequestId() }
    const events = [plugged()]
    const keys = [`"${randomUUID()}"`, `"${randomUUID()}"`]
    for (const key of keys) expect(repeatOf(await send({ headers: { ...id, 'Idempotency-Key': key }, events }))).toBeNull()
  })

  it.each([
    ['empty', ''],
    ['an empty string', '""'],
    ['two', '"a", "b"'],
    ['with a parameter', '"a";b=1'],
    ['unfinished', '"a'],
    ['beyond ASCII', '"\u00e9"'],
    ['with a backslash before nothing that needs one', '"\\a"'],
    ['too long', 'x'.repeat(256)],
  ])('is refused where the key is %s', async (_name, key) => {
    const { status, text } = await send({ headers: { 'Idempotency-Key': key }, events: [plugged()] })
    expect(status).toBe(400)
    expect(JSON.parse(text)).toEqual({ badRequest: { code: 400, message: expect.stringContaining('Malformed Idempotency-Key') } })
  })

  it('may have as many as 255 characters', async () => {
    const headers = { 'Idempotency-Key': `"${'x'.repeat(255)}"` }
    expect((await send({ headers, events: [plugged()] })).status).toBe(200)
  })
})

describe('the repeat window', () => {
  it('ends', async () => {
    const short = await start('[novacast]\nrepeat_window = 0.5\n')
    const request = { headers: { 'X-OpenStack-Request-ID': newRequestId() }, events: [plugged()] }
    const first = await send(request, short)
    await sleep(1000)
    const later = await send(request, short)
    expect([first.status, later.status, repeatOf(later)]).toEqual([200, 200, null])
    await short.close()
  })

  it('of 0 makes every request a new one', async () => {
    const without = await start('[novacast]\nrepeat_window = 0\n')
    const headers = { 'X-OpenStack-Request-ID': newRequestId(), 'Idempotency-Key': '' }
    const request = { headers, events: [plugged()] }
    for (let i = 0; i < 3; i++) expect(repeatOf(await send(request, without))).toBeNull()
    expect(await storiesOf(headers['X-OpenStack-Request-ID'], without)).toHaveLength(3)
    await without.close()
  })
})
