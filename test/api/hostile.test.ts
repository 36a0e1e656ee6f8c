import { randomUUID } from 'node:crypto'
import { METHODS } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningNovacast, startNovacast } from '../support/novacast.ts'
import { sendRaw } from '../support/raw-http.ts'

const ACTION = '/v2.1/os-server-external-events'
const KNOWN = randomUUID()
const GOOD = { name: 'network-vif-plugged', server_uuid: KNOWN, tag: 'port' }

let novacast: RunningNovacast
let pool: Pool
beforeAll(async () => {
  novacast = await startNovacast()
  await novacast.put(KNOWN, 'compute-1')
  pool = new Pool(novacast.url, { connections: 16, pipelining: 4 })
})
afterAll(async () => {
  await pool.close()
  await novacast.close()
})

/** One request of a batch; sent over connections that are kept. */
interface Hostile {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
}

async function statusOf({ method, path, headers, body }: Hostile): Promise<number> {
  const { statusCode, body: answer } = await pool.request({ method: method as 'POST', path, headers, body })
  await answer.dump()
  return statusCode
}

async function expectNoFailure(batch: readonly Hostile[]): Promise<void> {
  const statuses = await Promise.all(batch.map(statusOf))
  expect(statuses.filter((status) => status >= 500)).toEqual([])
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
  fc.constantFrom('', 'x'),
)
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 60,
})
const server = fc.oneof(
  fc.constantFrom(KNOWN, KNOWN.toUpperCase(), `{${KNOWN}}`, `urn:uuid:${KNOWN}`),
  fc.uuid(),
  anyText,
  fc.jsonValue(),
)
const name = fc.oneof(
  fc.constantFrom('network-changed', 'network-vif-plugged', 'volume-extended', 'power-update'),
  anyText,
  fc.jsonValue(),
)
const event = fc.record(
  {
    server_uuid: server,
    name,
    status: fc.oneof(fc.constantFrom('failed', 'completed'), fc.jsonValue()),
    tag: fc.oneof(anyText, fc.jsonValue()),
    ['__proto__']: fc.jsonValue(),
    [' ']: fc.jsonValue(),
  },
  { requiredKeys: [] },
)
const eventsBody = fc
  .record({ events: fc.oneof(fc.array(event, { maxLength: 4 }), fc.jsonValue()) }, { requiredKeys: [] })
  .map((body) => JSON.stringify(body))
/** JSON with a piece cut out, doubled or put in. */
const brokenBody = fc
  .tuple(
    eventsBody,
    fc.nat(400),
    fc.nat(20),
    fc.oneof(fc.constantFrom('', '{', '"', '\\u', '[[[[', '\ud800', 'NaN', '1e999', '\u0000', '//', '0'.repeat(5000)), anyText),
  )
  .map(([body, at, length, piece]) => body.slice(0, at) + piece + body.slice(at + length))
const body = fc.oneof(
  eventsBody,
  brokenBody,
  fc.json(),
  fc.uint8Array({ maxLength: 300 }),
  fc.nat(2000).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
)

const version = fc.oneof(
  fc.constantFrom(
    'compute 2.1',
    'compute 2.93',
    'compute latest',
    'compute 2.999',
    'latest',
    ',',
    'compute',
    `compute 2.${'9'.repeat(5000)}`,
  ),
  headerText,
)
const headers = fc
  .record(
    {
      'openstack-api-version': version,
      'x-openstack-nova-api-version': version,
      accept: fc.oneof(
        fc.constantFrom('text/html', 'application/json;version=2.1', '*/*;q=x', '"', ',,;=', 'a/b;version'),
        headerText,
      ),
      'accept-language': headerText,
      'x-openstack-request-id': headerText,
      'x-service-token': headerText,
      'x-forwarded-host': headerText,
      forwarded: headerText,
      origin: headerText,
      'content-encoding': headerText,
    },
    { requiredKeys: [] },
  )
  .map((record) => ({ ...record }) as Record<string, string>)
const token = fc.oneof(
  { weight: 6, arbitrary: fc.constant('admin:admin') },
  { weight: 1, arbitrary: headerText },
  { weight: 1, arbitrary: fc.constantFrom('', ':', 'a:b:c', ' ', `${'x'.repeat(9000)}:y`) },
)
const mediaType = fc.oneof(
  { weight: 6, arbitrary: fc.constant('application/json') },
  { weight: 1, arbitrary: headerText },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/json;version',
      ';',
      'text/plain',
    ),
  },
)

const segment = fc.oneof(
  fc.constantFrom(
    'v2.1',
    'v2',
    'os-server-external-events',
    'admin',
    '',
    '.',
    '..',
    '%2e',
    '%00',
    '%ff',
    '%',
    '%zz',
    'a%0a',
    'novacast-is-not',
    'x.json',
    '0123abc',
  ),
  fc.webSegment(),
)
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.webQueryParameters().map((text) => `?${text}`) },
  { weight: 1, arbitrary: fc.constantFrom('?_method=POST', '?_method=%ff', '?_method', '?&;=', '?%') },
)
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ACTION) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('/v2/os-server-external-events', '/v2.1/admin/os-server-external-events', '/', '/v2', '/v2.1/'),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.array(segment, { maxLength: 5 }), query).map(([segments, end]) => `/${segments.join('/')}${end}`),
  },
)
const method = fc.oneof(
  { weight: 5, arbitrary: fc.constant('POST') },
  { weight: 1, arbitrary: fc.constantFrom(...METHODS.filter((each) => each !== 'CONNECT')) },
)

const hostile: fc.Arbitrary<Hostile> = fc.record({ method, path, headers, token, mediaType, body }).map((each) => ({
  method: each.method,
  path: each.path,
  headers: { ...each.headers, 'x-auth-token': each.token, 'content-type': each.mediaType },
  body: each.method === 'HEAD' || each.method === 'GET' ? null : each.body,
}))

const BATCH = 50
const batches = fc.array(hostile, { minLength: BATCH, maxLength: BATCH, size: 'max' })

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
async function heapMiB(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return process.memoryUsage().heapUsed / 1024 / 1024
}

describe('bad input', () => {
  it('never gets a 5xx, and leaves nothing in memory (20,000 requests over kept connections)', { timeout: 180_000 }, async () => {
    const check = (numRuns: number) => fc.assert(fc.asyncProperty(batches, expectNoFailure), { numRuns, endOnFailure: true })
    await check(200)
    const before = await heapMiB()
    await check(200)
    expect((await heapMiB()) - before).toBeLessThan(8)
    expect(
      await statusOf({
        method: 'POST',
        path: ACTION,
        headers: { 'x-auth-token': 'admin:admin' },
        body: JSON.stringify({ events: [GOOD] }),
      }),
    ).toBe(200)
  })

  it('of the longest head that is taken keeps nobody waiting', async () => {
    const blanks = ' '.repeat(60_000)
    const heads = [
      { accept: `a${blanks}b` },
      { accept: `*/*;q=${'1'.repeat(60_000)}x` },
      { accept: 'a,'.repeat(30_000) },
      { accept: `"${'\\"'.repeat(30_000)}` },
      { 'x-openstack-nova-api-version': `2${blanks}1` },
      { 'openstack-api-version': `compute 2${blanks}1` },
      { 'content-type': `a;version=${blanks};` },
      { 'x-auth-token': `a${blanks}b` },
      { 'x-service-token': `a${blanks}b` },
      { 'idempotency-key': `"${'\\\\'.repeat(30_000)}` },
    ]
    // Each takes a millisecond or two. In quadratic time it takes two seconds, and all of them a quarter of an hour.
    const asks = heads.flatMap((head) =>
      Array.from({ length: 50 }, () => ({ method: 'GET', path: '/v2.1/', headers: head, body: null })),
    )
    await expectNoFailure(asks)
  })

  it('never gets a 5xx when it is no HTTP at all (1,000 connections)', async () => {
    const line = fc.oneof(
      fc.constantFrom('POST / HTTP/1.1', 'GET * HTTP/1.1', 'FOO / HTTP/9', 'GET http://x/y HTTP/1.0', 'POST /é HTTP/1.1', ''),
      anyText,
    )
    const head = fc.oneof(
      fc.constantFrom(
        'Host: x',
        'Content-Length: -1',
        'Content-Length: 5',
        'Content-Length: 5\r\nContent-Length: 6',
        'Transfer-Encoding: chunked',
        'Transfer-Encoding: x',
        'Expect: 100-continue',
        'Expect: y',
        'Upgrade: h2c',
        'Connection: upgrade',
        ' folded',
        'No colon',
        'X\u0000: y',
        ': z',
      ),
      anyText,
    )
    const tail = fc.oneof(fc.constantFrom('', '5\r\nhello\r\n0\r\n\r\n', 'ffffffffffffffffff\r\n', '-1\r\n', '{}'), anyText)
    const garbage = fc.tuple(line, fc.array(head, { maxLength: 4 }), tail)
    const check = async (some: readonly (readonly [string, readonly string[], string])[]) => {
      const sent = some.map(([first, lines, rest]) => [first, ...lines, 'Connection: close', '', rest].join('\r\n'))
      // What is left unfinished gets no answer until its time is over: it is ended from here.
      const answers = await Promise.all(
        sent.map((text) => sendRaw(novacast.port, Buffer.from(`${text}\r\n\r\n`), { halfClose: true })),
      )
      expect(answers.filter((answer) => answer !== null && answer.status >= 500)).toEqual([])
    }
    await fc.assert(fc.asyncProperty(fc.array(garbage, { minLength: 20, maxLength: 20, size: 'max' }), check), { numRuns: 50 })
  })
})
