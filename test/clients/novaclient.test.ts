import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { EVENT_NAMES } from '../../src/events/names.ts'
import { createClient, staticToken } from '../../src/sdk/index.ts'
import type { Service } from '../cli/service.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { createForgetfulProxy, type ForgetfulProxy } from '../support/forgetful-proxy.ts'
import { hasPython, runPython, startPython } from '../support/python.ts'
import { registerServers, startBeside } from './beside-keystone.ts'

/** What a sender gives, and in answers also the outcome. */
interface Event {
  readonly server_uuid: string
  readonly name: string
  readonly tag?: string
  readonly status?: string
  readonly code?: number
}

/** One call of the client, as novaclient_calls.py takes it. */
interface Call {
  readonly microversion: string
  readonly user?: string
  readonly project?: string
  readonly token?: string
  readonly events: readonly Event[]
  /** As Neutron gives each request one. */
  readonly globalRequestId?: string
  /** How often it sends again when a connection breaks. */
  readonly connectRetries?: number
}

type Outcome =
  | { readonly status: number; readonly microversion: string; readonly events: readonly Event[] }
  | { readonly status: number; readonly error: string; readonly message: string }

/** The versions that brought an event name, and the newest that has all. */
const MICROVERSIONS = ['2.1', '2.51', '2.76', '2.82', '2.93'] as const

const stand = hasPython(['novaclient'], 'python3-novaclient') ? await useStand('keystone') : null

describeOn(stand, "the real python-novaclient, led here by Keystone's catalog,", ({ keystone }) => {
  const [located, unassigned] = [randomUUID(), randomUUID()]
  const region = `novaclient-${randomUUID()}`
  const forgetful = `novaclient-${randomUUID()}`
  let service: Service
  let proxy: ForgetfulProxy
  let admin: string

  beforeAll(async () => {
    service = await startBeside(keystone)
    await keystone.addEndpoint({ service: region, type: 'compute', region, url: `${service.url}/v2.1` })
    proxy = await createForgetfulProxy(service.url, 2)
    await keystone.addEndpoint({ service: forgetful, type: 'compute', region: forgetful, url: `${proxy.url}/v2.1` })
    admin = await keystone.token('admin')
    await registerServers(service.url, admin, { [located]: 'compute-1', [unassigned]: null })
  })
  afterAll(() => {
    proxy.close()
    return service.stop()
  })

  /** All calls in one run of Python. */
  const script = join(import.meta.dirname, 'novaclient_calls.py')
  const planOf = (calls: readonly Call[]) => ({ authUrl: `${keystone.url}/v3`, region, endpoint: `${service.url}/v2.1`, calls })
  const send = (calls: readonly Call[]): Outcome[] => runPython(script, planOf(calls))
  const neutron = { user: 'neutron', project: 'service' } as const

  it('has every event name of its microversion accepted: 200', () => {
    const calls = MICROVERSIONS.map((microversion) => ({
      ...neutron,
      microversion,
      events: namesAt(microversion).map((name) => ({ server_uuid: located, name, tag: 'a-tag', status: 'completed' })),
    }))
    const expected = calls.map(({ microversion, events }) => ({
      status: 200,
      microversion: `compute ${microversion}`,
      events: events.map((event) => ({ ...event, code: 200 })),
    }))
    expect(send(calls)).toEqual(expected)
  })

  it('is told 207 with the outcome of each event: accepted, no tag, unknown server, no host', () => {
    const missing = randomUUID()
    const calls = MICROVERSIONS.map((microversion) => {
      const tagless = microversion === '2.1' ? [] : [{ server_uuid: located, name: 'volume-extended' }]
      const others = [located, missing, unassigned].map((server_uuid) => ({
        server_uuid,
        name: 'network-changed',
        status: 'completed',
      }))
      return { ...neutron, microversion, events: [...others, ...tagless] }
    })
    const outcomes = send(calls)
    for (const [index, { microversion }] of calls.entries())
      expect(outcomes[index]).toEqual({
        status: 207,
        microversion: `compute ${microversion}`,
        events: [
          { server_uuid: located, name: 'network-changed', status: 'completed', code: 200 },
          { server_uuid: missing, name: 'network-changed', status: 'failed', code: 404 },
          { server_uuid: unassigned, name: 'network-changed', status: 'failed', code: 422 },
          ...(microversion === '2.1' ? [] : [{ server_uuid: located, name: 'volume-extended', status: 'failed', code: 400 }]),
        ],
      })
  })

  it('raises NotFound where every server is unknown: 404', () => {
    const calls = MICROVERSIONS.map((microversion) => ({
      ...neutron,
      microversion,
      events: [{ server_uuid: randomUUID(), name: 'network-changed' }],
    }))
    for (const outcome of send(calls)) expect(outcome).toMatchObject({ status: 404, error: 'NotFound' })
  })

  it('raises BadRequest for a name that its microversion does not have: 400', () => {
    const calls = MICROVERSIONS.flatMap((microversion) => {
      const name = EVENT_NAMES.find(({ since }) => since > minorOf(microversion))?.name
      return name === undefined ? [] : [{ ...neutron, microversion, events: [{ server_uuid: located, name, tag: 't' }] }]
    })
    const outcomes = send(calls)
    expect(outcomes).toHaveLength(MICROVERSIONS.length - 1)
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 400, error: 'BadRequest' })
  })

  it('sends again when the connection breaks before the answer, is answered, and its events are accepted once', async () => {
    const event = { server_uuid: located, name: 'network-vif-plugged', tag: randomUUID(), status: 'completed' }
    const missing = { ...event, server_uuid: randomUUID(), name: 'network-changed' }
    const globalRequestId = `req-${randomUUID()}`
    const call = { ...neutron, microversion: '2.93', events: [event, missing], globalRequestId, connectRetries: 3 }
    const [outcome] = await startPython<Outcome[]>(script, { ...planOf([call]), region: forgetful })
    expect(proxy.lost).toBe(2)
    expect(outcome).toEqual({
      status: 207,
      microversion: 'compute 2.93',
      events: [
        { ...event, code: 200 },
        { ...missing, status: 'failed', code: 404 },
      ],
    })
    const client = createClient({ url: service.url, auth: staticToken(admin) })
    onTestFinished(() => client.close())
    const stories: unknown[] = []
    for await (const { tag, code, repeats } of client.events.search({ request_id: globalRequestId }))
      stories.push([tag, code, repeats])
    expect(stories.sort()).toEqual([
      [event.tag, 200, 2],
      [event.tag, 404, 2],
    ])
  })

  it('raises Forbidden for those who may not send: 403', () => {
    const calls = MICROVERSIONS.flatMap((microversion) =>
      ['demo', 'reader'].map((user) => ({
        microversion,
        user,
        project: 'demo',
        events: [{ server_uuid: located, name: 'network-changed' }],
      })),
    )
    for (const outcome of send(calls)) expect(outcome).toMatchObject({ status: 403, error: 'Forbidden' })
  })

  it('raises Unauthorized for a token that is none or no more: 401', async () => {
    const tokens = ['not-a-token', await keystone.token('revoked')]
    const calls = MICROVERSIONS.flatMap((microversion) =>
      tokens.map((token) => ({ microversion, token, events: [{ server_uuid: located, name: 'network-changed' }] })),
    )
    for (const outcome of send(calls)) expect(outcome).toMatchObject({ status: 401, error: 'Unauthorized' })
  })
})

const minorOf = (microversion: string): number => Number(microversion.split('.')[1])

const namesAt = (microversion: string): string[] =>
  EVENT_NAMES.filter(({ since }) => since <= minorOf(microversion)).map(({ name }) => name)
