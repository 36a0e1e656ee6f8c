import { beforeAll, describe, expect, it } from 'vitest'
import type { DecidedEvent } from '../../../src/journal/journal.ts'
import { decided, hostName, newEventId, newServerId, submission } from '../../journal/journal-file.ts'
import { collect } from '../../sdk/peer.ts'
import { type RunningApi, startApi } from './running-api.ts'

const PATH = '/novacast/v1/events'
const SERVER = newServerId()
const AT_US = Date.UTC(2026, 10, 24, 10) * 1000

const extended = decided(['compute-1'], { serverId: SERVER, name: 'volume-extended', tag: 'volume-1' })
const changed = decided(['compute-1', 'compute-2'], { serverId: SERVER, name: 'network-changed', tag: '' })
const refused = decided([], { status: 'failed' })
const cell = 'c0ffee00-0000-4000-8000-000000000000'
const deferred: DecidedEvent = {
  ...decided(['x']),
  outcome: { kind: 'deferred', code: 200, cell: cell as never, reason: 'the cell is down' },
}
const globalRequestId = 'req-11111111-1111-4111-8111-111111111111'

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  const { journal } = api
  await journal.commit(submission([extended], { receivedAtUs: AT_US, globalRequestId }))
  await journal.commit(submission([changed, refused], { receivedAtUs: AT_US + 1 }))
  await journal.commit(submission([deferred], { receivedAtUs: AT_US + 1_000_000 }))
  await journal.record([{ kind: 'dispatched', isEnd: false, host: hostName('compute-2'), eventId: changed.id, atUs: AT_US + 5 }])
  return api.close
})

describe('an event', () => {
  it('tells its whole story', async () => {
    expect((await api.ask('GET', `${PATH}/${changed.id}`)).body).toEqual({
      id: changed.id,
      received_at: '2026-11-24T10:00:00.000001Z',
      request_id: expect.stringMatching(/^req-/),
      global_request_id: null,
      sender: { user_id: 'u', user_name: 'neutron', project_id: 'p' },
      microversion: '2.93',
      server_uuid: SERVER,
      name: 'network-changed',
      status: 'completed',
      tag: '',
      code: 200,
      repeats: 0,
      last_repeat_at: null,
      deferral: null,
      deliveries: [
        {
          ...{ host: 'compute-1', cell: null, state: 'pending', attempts: 0 },
          ...{ last_error: null, last_error_at: null, dispatched_at: null, acknowledged_at: null, ended_at: null, receipt: null },
        },
        {
          ...{ host: 'compute-2', cell: null, state: 'dispatched', attempts: 1 },
          ...{ last_error: null, last_error_at: null, dispatched_at: '2026-11-24T10:00:00.000005Z' },
          ...{ acknowledged_at: null, ended_at: null, receipt: null },
        },
      ],
      replay_of: null,
      replays: [],
    })
  })

  it('that could not be located says why', async () => {
    expect(await api.client.events.get(deferred.id)).toMatchObject({
      code: 200,
      deferral: { cell, reason: 'the cell is down', state: 'waiting' },
      deliveries: [],
    })
  })

  it('that is not there is a 404, and what is no id a 400', async () => {
    expect((await api.ask('GET', `${PATH}/${newEventId()}`)).status).toBe(404)
    expect((await api.ask('GET', `${PATH}/nonsense`)).body).toEqual({
      badRequest: { code: 400, message: 'path id: expected the id of an event (a canonical uuid), got "nonsense"' },
    })
  })
})

describe('a search', () => {
  it.each<[string, readonly DecidedEvent[]]>([
    ['', [deferred, refused, changed, extended]],
    ['order=oldest', [extended, changed, refused, deferred]],
    [`server=${SERVER}`, [changed, extended]],
    ['server=no-uuid-at-all', []],
    ['host=compute-2', [changed]],
    ['name=volume-extended', [extended]],
    ['tag=volume-1', [extended]],
    ['tag=', [changed]],
    [`request_id=${globalRequestId}`, [extended]],
    ['code=404', [refused]],
    ['state=dispatched', [changed]],
    ['state=dispatched&host=compute-1', []],
    ['since=2026-11-24T10:00:00.000001Z', [deferred, refused, changed]],
    ['until=2026-11-24T10:00:00.000001Z', [extended]],
    ['since=2026-11-24T12:00:01+02:00', [deferred]],
    [`server=${SERVER}&order=oldest&limit=1`, [extended]],
    [`cursor=${changed.id}`, [extended]],
    [`cursor=${changed.id}&order=oldest`, [refused, deferred]],
  ])('for ?%s', async (query, expected) => {
    const { status, body } = await api.ask('GET', `${PATH}?${query}`)
    expect(status).toBe(200)
    expect((body as { events: { id: string }[] }).events.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
  })

  it('comes in pages', async () => {
    const { body } = await api.ask('GET', `${PATH}?limit=2`)
    expect(body).toMatchObject({ events: [{ id: deferred.id }, { id: refused.id }], next: refused.id })
    expect((await collect(api.client.events.search({}, { limit: 3 }))).map(({ id }) => id)).toEqual(
      [deferred, refused, changed].map(({ id }) => id),
    )
  })

  it.each([
    ['since=yesterday', 'query since: expected an ISO 8601 time like 2026-11-24T10:00:00Z, got "yesterday"'],
    ['state=lost', 'query state: expected one of pending, dispatched, acknowledged, expired, superseded, failed, got "lost"'],
    ['order=up', 'query order: expected one of newest, oldest, got "up"'],
    ['code=99', 'query code: expected an integer from 100 to 599, got 99'],
    ['cursor=1', 'query cursor: expected the id of an event (a canonical uuid), got "1"'],
  ])('for ?%s is refused', async (query, message) => {
    expect((await api.ask('GET', `${PATH}?${query}`)).body).toEqual({ badRequest: { code: 400, message } })
  })
})
