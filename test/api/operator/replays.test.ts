import { beforeAll, describe, expect, it } from 'vitest'
import type { DecidedEvent } from '../../../src/journal/journal.ts'
import { decided, hostName, newEventId, newServerId, submission } from '../../journal/journal-file.ts'
import { collect } from '../../sdk/peer.ts'
import { type RunningApi, startApi } from './running-api.ts'

const PATH = '/novacast/v1/events'
const RUN = 'req-11111111-1111-4111-8111-111111111111'

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

/** Events that expired at a host of the test's own; their servers are on `now` by now. */
async function expired(host: string, count: number, now: string | null = 'new-home'): Promise<readonly DecidedEvent[]> {
  const serverId = newServerId()
  const events = Array.from({ length: count }, () => decided([host], { serverId, tag: 'port-a' }))
  await api.journal.commit(submission(events))
  const over = events.map(({ id: eventId }) => ({
    kind: 'expired' as const,
    host: hostName(host),
    eventId,
    atUs: 1,
    reason: 'over',
  }))
  await api.journal.record(over)
  await api.client.servers.put(serverId, { host: now })
  return events
}

describe('a replay of one event', () => {
  it('is a new event that both stories tell of, by the one who asked', async () => {
    const [event] = (await expired('one', 1)) as [DecidedEvent]
    const { status, body } = await api.ask('POST', `${PATH}/${event.id}/replay`, { headers: { 'x-auth-token': 'admin:ops' } })
    const { run, event: answer } = body as { run: string; event: { replay: string } }
    expect(status).toBe(200)
    expect(body).toEqual({
      run: expect.stringMatching(/^req-/),
      dry_run: false,
      event: {
        ...{ id: event.id, received_at: expect.any(String), server_uuid: event.event.serverId, name: event.event.name },
        ...{ tag: 'port-a', result: 'replayed', replay: expect.any(String), hosts: ['new-home'], reason: null },
      },
    })
    expect(await api.client.events.get(event.id)).toMatchObject({
      replay_of: null,
      replays: [{ id: answer.replay, run }],
      deliveries: [{ host: 'one', state: 'expired', ended_at: '1970-01-01T00:00:00.000001Z' }],
    })
    const [replay] = await collect(api.client.events.search({ request_id: run }))
    expect(replay).toMatchObject({
      ...{ id: answer.replay, replay_of: event.id, global_request_id: run, sender: { user_id: 'admin', project_id: 'ops' } },
      deliveries: [{ host: 'new-home', state: 'pending', ended_at: null }],
    })
    // The replay is open itself.
    expect(await api.client.events.replay(answer.replay)).toMatchObject({
      result: 'left_out',
      reason: 'its delivery to new-home is pending',
    })
    const metrics = (await api.ask('GET', '/metrics')).text
    for (const result of ['replayed', 'left_out']) expect(metrics).toContain(`novacast_replays_total{result="${result}"} 1\n`)
  })

  it('may be tried dry, asked for again in its run, and is refused for what is not there', async () => {
    const [event] = (await expired('dry', 1)) as [DecidedEvent]
    const ask = (body: object) => api.ask('POST', `${PATH}/${event.id}/replay`, { body })
    expect((await ask({ dry_run: true })).body).toMatchObject({ dry_run: true, event: { result: 'replayed', replay: null } })
    const first = await ask({ run: RUN })
    const replay = (first.body as { event: { replay: string } }).event.replay
    expect((await ask({ run: RUN })).body).toMatchObject({
      run: RUN,
      event: { result: 'replayed', replay, reason: 'this run had replayed it already' },
    })
    expect((await api.client.events.get(event.id)).replays).toHaveLength(1)
    expect((await api.ask('POST', `${PATH}/${newEventId()}/replay`)).status).toBe(404)
    expect((await ask({ run: 'x' })).body).toMatchObject({
      badRequest: { message: 'body run: expected the id of a run: req- and a canonical uuid, got "x"' },
    })
  })
})

describe('a replay of all that is found', () => {
  it('comes in pages that any client can go on with, and a dry run tells the same', async () => {
    const events = [...(await expired('many', 5)), ...(await expired('many', 3, null)), ...(await expired('many', 4))]
    const about = { host: 'many', state: 'expired' }
    const dry = await collect(api.client.events.replayAll(about, { dryRun: true }))
    const pages: unknown[][] = []
    let cursor: string | null = null
    do {
      const { body } = await api.ask('POST', `${PATH}/replay`, { body: { ...about, limit: 5, ...(cursor && { cursor }) } })
      const page = body as { events: unknown[]; next: string | null }
      pages.push(page.events)
      cursor = page.next
    } while (cursor !== null)
    expect(pages.map(({ length }) => length)).toEqual([5, 5, 2])
    const withoutReplay = (each: unknown) => ({ ...(each as object), replay: null })
    expect(pages.flat().map(withoutReplay)).toEqual(dry)
    expect(dry.map(({ id, result, reason }) => [id, result, reason])).toEqual(
      events.map(({ id }, i) => [
        id,
        i >= 5 && i < 8 ? 'left_out' : 'replayed',
        i >= 5 && i < 8 ? 'its server is on no host' : null,
      ]),
    )
    // The host that they go to now is another.
    expect(await collect(api.client.events.replayAll({ ...about, since: new Date().toISOString() }))).toEqual([])
  })

  it('does not find its own replays, however they end', async () => {
    const events = await expired('again', 3, 'again')
    const about = { host: 'again' }
    const all = await collect(api.client.events.replayAll(about, { run: RUN }))
    expect(all.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
    await api.client.hosts.ack(
      'again',
      all.map(({ replay }) => String(replay)),
    )
    const same = await collect(api.client.events.replayAll(about, { run: RUN }))
    expect(same.map(({ id, replay }) => [id, replay])).toEqual(all.map(({ id, replay }) => [id, replay]))
    expect((await collect(api.client.events.replayAll(about, { limit: 4 }))).map(({ id }) => id)).toEqual([
      ...events.map(({ id }) => id),
      all[0]?.replay,
    ])
  })

  it.each([
    [{}, 'body: expected at least one of server, host, name, tag, request_id, code, state, since, until, got none'],
    [
      { dry_run: true, limit: 5 },
      'body: expected at least one of server, host, name, tag, request_id, code, state, since, until, got none',
    ],
    [{ host: 'h', limit: 1001 }, 'body limit: expected an integer from 1 to 1000, got 1001'],
    [
      { host: 'h', state: 'lost' },
      'body state: expected one of pending, dispatched, acknowledged, expired, superseded, failed, got "lost"',
    ],
    [{ host: 'h', dry_run: 'yes' }, 'body dry_run: expected true or false, got "yes"'],
    [{ host: 'h', hots: 'i' }, expect.stringMatching(/^body: expected only server, host, .*, got "hots"$/)],
    [{ host: 'h', cursor: 'x' }, 'body cursor: expected `next` of the page before, got "x"'],
    [
      { host: 'h', run: RUN, cursor: `${RUN.slice(4)}.1.req-22222222-2222-4222-8222-222222222222` },
      `body run: expected req-22222222-2222-4222-8222-222222222222, which the cursor is of, or nothing; got ${RUN}`,
    ],
    [[], 'body: expected an object, got a list'],
  ])('with %j is refused', async (body, message) => {
    expect(await api.ask('POST', `${PATH}/replay`, { body })).toMatchObject({
      status: 400,
      body: { badRequest: { code: 400, message } },
    })
  })
})
