import { once } from 'node:events'
import { Agent, request } from 'node:http'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../../../src/observe/log.ts'
import { startOther } from './other-api.ts'
import { type RunningApi, startApi } from './running-api.ts'

/** In each of these many requests one thing or many are wrong. */
const CASES = 4000
const UUID = '11111111-1111-4111-8111-111111111111'

/** Connections go on after whatever was refused on them. */
const agent = new Agent({ keepAlive: true })
let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return async () => {
    agent.destroy()
    await api.close()
  }
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '%', '%zz', '%ff', '%00', '%2F', '..', '__proto__', 'constructor', UUID, '\u0000', 'x'.repeat(3000)),
)
/** What may stand in the first line of a request, so that Node's client lets it out. */
const urlPart = anyText.map((text) => text.replaceAll(/[^\x21-\x7e]/g, (character) => encodeLoosely(character)))
const segment = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'novacast',
      'v1',
      'servers',
      'hosts',
      'events',
      'stream',
      'replay',
      'acks',
      UUID,
      'h',
      'metrics',
      'readyz',
    ),
  },
  { weight: 1, arbitrary: urlPart },
)
const path = fc.oneof(
  fc.array(segment, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`),
  fc
    .tuple(fc.constantFrom('servers', 'hosts', 'events'), fc.array(segment, { maxLength: 2 }))
    .map(([noun, rest]) => ['/novacast/v1', noun, ...rest].join('/')),
)
const key = fc.oneof(
  fc.constantFrom(
    'limit',
    'marker',
    'host',
    'cursor',
    'server',
    'name',
    'tag',
    'code',
    'state',
    'since',
    'until',
    'order',
    'request_id',
  ),
  urlPart,
)
const value = fc.oneof(
  fc.constantFrom(
    '1',
    '1000',
    '-1',
    '1e9',
    '2026-11-24',
    '2026-11-24T10:00:00Z',
    '9999-12-31T23:59:59.999999Z',
    '0000-01-01',
    'newest',
    UUID,
  ),
  urlPart,
)
const query = fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => pairs.map((pair) => pair.join('=')).join('&'))
const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .record({ host: fc.jsonValue({ maxDepth: 1 }), moving_to: anyText, name: anyText }, { requiredKeys: [] })
    .map((fields) => JSON.stringify(fields)),
  fc.record({ ids: fc.array(fc.oneof(fc.constant(UUID), anyText), { maxLength: 5 }) }).map((fields) => JSON.stringify(fields)),
  fc
    .record(
      {
        receipts: fc.array(
          fc.oneof(
            fc.record({ id: fc.constant(UUID), result: fc.constantFrom('applied', 'failed', 'x'), reason: anyText }),
            anyText,
          ),
          { maxLength: 3 },
        ),
        state: fc.constantFrom('expired', 'x', null),
        since: anyText,
        run: fc.oneof(fc.constant(`req-${UUID}`), anyText),
        cursor: fc.oneof(fc.constant(`${UUID}.9999999999999999.req-${UUID}`), anyText),
        dry_run: fc.jsonValue({ maxDepth: 1 }),
      },
      { requiredKeys: [] },
    )
    .map((fields) => JSON.stringify(fields)),
  fc.record({ uuid: fc.oneof(fc.constant(UUID), anyText), host: anyText }).map((fields) => `${JSON.stringify(fields)}\n`),
  anyText,
)
const body = fc.option(
  fc.oneof(
    json.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  ),
)
const headers = fc.record(
  {
    'x-auth-token': fc.oneof({ weight: 6, arbitrary: fc.constant('admin:admin') }, { weight: 1, arbitrary: urlPart }),
    'content-type': fc.oneof(
      fc.constantFrom('application/json', 'application/x-ndjson', 'text/html', 'application/json; charset=latin1'),
      urlPart,
    ),
    'last-event-id': urlPart,
    accept: urlPart,
    'x-openstack-request-id': urlPart,
  },
  { requiredKeys: ['x-auth-token'] },
)
const method = fc.constantFrom('GET', 'GET', 'PUT', 'POST', 'POST', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE')

function encodeLoosely(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16)}`).join('')
}

interface Hostile {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer | null
}

/** The status and, unless it is a stream, the whole body. */
async function answerTo(url: string, { method, path, query, headers, body }: Hostile): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url)
  const given = { ...headers, ...(body !== null && { 'content-length': String(body.length) }) }
  const asked = request({ hostname, port, method, path: `${path}${query && `?${query}`}`, headers: given, agent })
  asked.on('error', () => {})
  asked.end(body ?? undefined)
  const [response] = await once(asked, 'response')
  let text = ''
  if (String(response.headers['content-type']).startsWith('text/event-stream')) asked.destroy()
  else for await (const piece of response.setEncoding('utf8')) text += piece
  return { status: response.statusCode, text }
}

describe('hostile requests', () => {
  it('never get a 5xx, and every refusal is in the envelope', { timeout: 300_000 }, async () => {
    const said: string[] = []
    const log = createLog({ level: 'error', destination: { write: (line) => said.push(line) } })
    const { url, ask } = await startOther({ ...api, log })
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(fc.record({ method, path, query, headers, body }), async (hostile) => {
        const { status, text } = await answerTo(url, hostile)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        expect(status).toBeLessThan(500)
        if (status >= 400 && hostile.method !== 'HEAD')
          expect(Object.values(JSON.parse(text))).toEqual([{ code: status, message: expect.any(String) }])
      }),
      { numRuns: CASES },
    )
    console.log(
      `${CASES} hostile requests: ${[...statuses]
        .sort()
        .map(([status, count]) => `${status}: ${count}`)
        .join(', ')}`,
    )
    expect(said).toEqual([])
    expect((await ask('GET', '/livez')).status).toBe(200)
    for (const status of [200, 400, 401, 404, 405, 415]) expect([...statuses.keys()]).toContain(status)
  })
})
