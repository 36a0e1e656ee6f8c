import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CorpusServer, IdentityName, Keystone } from '../stand/stand.ts'
import { type RawAnswer, sendRaw } from '../support/raw-http.ts'
import { type Case, type Expected, fill, readCorpus, requestBytes, type Values } from './corpus.ts'
import { DEVIATING, deviationOf } from './deviations.ts'

/** A novacast to ask, set to answer as Zed does. */
export interface Subject {
  readonly url: string
  /** The uuids of the corpus' servers, those that do not exist too. */
  readonly servers: Readonly<Record<CorpusServer, string>>
  close(): Promise<void>
}

/** Zed lets admins alone send events. */
export const ZED_POLICY = 'os_compute_api:os-server-external-events:create: rule:admin_api\n'

/** Another corpus of the same form can be run with NOVACAST_CORPUS. */
const FILE = process.env['NOVACAST_CORPUS'] ?? join(import.meta.dirname, '../data/nova-zed.jsonl')

const IDENTITIES: readonly IdentityName[] = [
  ...(['neutron', 'cinder', 'nova', 'serviceonly', 'admin', 'system', 'demo', 'reader', 'unscoped', 'revoked'] as const),
]

const cases = readCorpus(FILE)
const families = Map.groupBy(cases, ({ id }) => id.slice(0, id.indexOf('/')))

/** Tests that what `start` gives answers every case as it was recorded, but for the deviations. */
export function itAnswersAsRecorded(keystone: Keystone, start: () => Promise<Subject>): void {
  let subject: Subject
  let values: Values

  beforeAll(async () => {
    subject = await start()
    values = await valuesFor(keystone, subject)
  })
  afterAll(() => subject?.close())

  for (const [family, ofFamily] of families) {
    describe(family, () => {
      it.each(ofFamily.map((each) => [each.id, each.about, each] as const))('answers %s (%s)', async (id, _about, recorded) => {
        const answer = await sendRaw(Number(new URL(subject.url).port), requestBytes(recorded, values))
        if (answer === null) throw new Error('the connection was closed without an answer')
        const [expected, actual] = comparable(recorded, answer, values)
        const deviation = deviationOf(id)
        if (deviation === null) return expect(actual).toEqual(expected)
        expect(actual.status, deviation.reason).toBe(deviation.status)
        expect(actual, `no longer deviates: ${id}`).not.toEqual(expected)
      })
    })
  }

  it.runIf(process.env['NOVACAST_CORPUS'] === undefined)('lists no deviation of a case that is not there', () => {
    expect(cases).toHaveLength(835)
    expect(DEVIATING.filter((id) => !cases.some((each) => each.id === id))).toEqual([])
  })
}

async function valuesFor(keystone: Keystone, { url, servers }: Subject): Promise<Values> {
  const values = new Map([
    ['keystone', keystone.url],
    ['base_url', url],
    ['host', new URL(url).host],
    ['token.garbage', 'not-a-token'],
    ...Object.entries(keystone.projectIds).map(([name, id]) => [`project.${name}`, id] as const),
    ...Object.entries(servers).map(([name, uuid]) => [`server.${name}`, uuid] as const),
  ])
  for (const identity of IDENTITIES) values.set(`token.${identity}`, await keystone.token(identity))
  return values
}

const COMPARED = [
  ...['content-type', 'openstack-api-version', 'x-openstack-nova-api-version', 'vary', 'x-openstack-request-id'],
  ...['x-compute-request-id', 'www-authenticate', 'allow', 'location'],
]
const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Both answers in one form: what was recorded with its placeholders filled in, and what came. */
function comparable({ expect: recorded }: Case, answer: RawAnswer, values: Values): readonly [Expected, Expected] {
  const [requestId = ''] = answer.headers.get('x-openstack-request-id') ?? []
  const known = new Map([...values, ['request_id', REQUEST_ID.test(requestId) ? requestId : 'req-UUID']])
  const expected = JSON.parse(fill(JSON.stringify(recorded), known)) as Expected
  const headers = COMPARED.flatMap((name) => {
    const lines = answer.headers.get(name)
    if (lines === undefined) return []
    if (name === 'vary' || name === 'allow') return [[name, sortedValues(lines)] as const]
    return [[name, lines.length === 1 ? (lines[0] ?? '') : lines] as const]
  })
  return [expected, { status: answer.status, headers: Object.fromEntries(headers), body: parseBody(answer.body.toString()) }]
}

function sortedValues(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => line.split(',').map((value) => value.trim())).sort()
}

function parseBody(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : text
  } catch {
    return text
  }
}
