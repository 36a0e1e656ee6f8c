import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import type { EventId, ServerId } from '../../src/events/event.ts'
import { EVENT_NAMES } from '../../src/events/names.ts'
import type { DecidedEvent, DeliveryStep, EventQuery, EventRecord, Journal, Submission } from '../../src/journal/journal.ts'
import { fillBucket } from '../../src/journal/sql/buckets.ts'
import type { DeliveryState } from '../../src/journal/states.ts'
import { describeEngines } from './engines.ts'
import { decided, hostName, newEventId, newServerId, openJournal, submission } from './journal-file.ts'

/** What the journal should know of an event, for the filters. */
interface ModelEvent {
  readonly about: Submission
  readonly decided: DecidedEvent
  readonly states: Map<string, DeliveryState>
}

/** The filters once more, as plainly as can be. */
function matches({ about, decided: { event, outcome }, states }: ModelEvent, query: EventQuery): boolean {
  const { host, state } = query
  const wanted = [...states].filter(([name, each]) => (host === undefined || name === host) && (state ?? each) === each)
  return (
    (query.serverId ?? event.serverId) === event.serverId &&
    (query.name ?? event.name) === event.name &&
    (query.tag ?? event.tag) === event.tag &&
    (query.code ?? outcome.code) === outcome.code &&
    (query.requestId === undefined || [about.requestId, about.globalRequestId].includes(query.requestId)) &&
    (query.sinceUs ?? 0) <= about.receivedAtUs &&
    (query.untilUs ?? Number.POSITIVE_INFINITY) >= about.receivedAtUs &&
    ((host === undefined && state === undefined) || wanted.length > 0)
  )
}

const ids = (records: readonly EventRecord[]) => records.map(({ id }) => id)
const servers = Array.from({ length: 50 }, newServerId)
const names = EVENT_NAMES.map(({ name }) => name)
const requestIds = Array.from({ length: 20 }, () => `req-${crypto.randomUUID()}`)
const tags = ['', 'ON', crypto.randomUUID()]
const START_US = 1_790_000_000_000_000
const EVENTS = 30_000

let seed = 7
/** The same journal in each run. */
const draw = (below: number) => {
  seed = (seed * 48_271) % 2_147_483_647
  return seed % below
}
const pick = <Value>(values: readonly Value[]): Value => {
  const value = values[draw(values.length)]
  if (value === undefined) throw new Error('nothing to pick from')
  return value
}

/** Requests enough for three buckets, whether those are counted in requests or in events. */
async function fill(store: Journal, model: ModelEvent[]): Promise<void> {
  let atUs = START_US
  const underWay: Promise<unknown>[] = []
  while (model.length < EVENTS) {
    // Clocks are set back now and then.
    atUs += draw(50) === 0 ? -3_000_000 : draw(1000)
    const events = Array.from({ length: draw(100) === 0 ? 1 + draw(50) : 1 }, () => {
      const hosts = draw(10) === 0 ? [] : draw(10) === 0 ? ['h0', `h${1 + draw(5)}`] : [`h${draw(6)}`]
      return decided(hosts, { serverId: pick(servers), name: pick(names), tag: draw(3) === 0 ? null : pick(tags) })
    })
    const globalRequestId = draw(3) === 0 ? pick(requestIds) : null
    const about = submission(events, {
      receivedAtUs: atUs,
      globalRequestId,
      requestId: draw(9) === 0 ? pick(requestIds) : draw(50) === 0 ? pick(tags) : `req-${crypto.randomUUID()}`,
    })
    underWay.push(store.commit(about))
    if (underWay.length === 500) await Promise.all(underWay.splice(0))
    for (const each of events) {
      const destinations = each.outcome.kind === 'accepted' ? each.outcome.destinations : []
      model.push({ about, decided: each, states: new Map(destinations.map(({ host }) => [host, 'pending'])) })
    }
  }
  await Promise.all(underWay)
}

/** Does now what is otherwise done a minute later: notes the time spans of the buckets, and has PostgreSQL look at what there is. */
async function age(url: string): Promise<void> {
  const parsed = parseDatabaseUrl(url)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 1, connectTimeoutMs: 5000, queryTimeoutMs: 30_000, applicationName: 'test' }
  const database = openDatabase<unknown>(parsed.url, options)
  for (const bucket of [0, 1, 1]) await fillBucket(database, bucket)
  if (database.engine === 'postgresql') await database.query('ANALYZE', [])
  await database.close()
}

/** Most of the old are acknowledged, some of the new dispatched, as in life. */
async function settle(store: Journal, model: readonly ModelEvent[]): Promise<void> {
  const steps: DeliveryStep[] = []
  for (const [
    i,
    {
      decided: { id },
      states,
    },
  ] of model.entries()) {
    for (const host of states.keys()) {
      const state = i < EVENTS * 0.6 && i % 977 !== 0 ? 'acknowledged' : draw(5) === 0 ? 'dispatched' : 'pending'
      states.set(host, state)
      if (state === 'pending') continue
      const about = { host: hostName(host), eventId: id, atUs: START_US }
      // Half of the dispatched are so for good: a search finds both.
      steps.push(state === 'dispatched' ? { kind: state, isEnd: draw(2) === 0, ...about } : { kind: state, ...about })
    }
  }
  await store.record(steps)
}

describeEngines('search', (engine) => {
  const model: ModelEvent[] = []
  let store: Journal

  beforeAll(async () => {
    // Not the helper's: this journal serves all tests of the file.
    const directory = mkdtempSync(join(tmpdir(), 'novacast-test-'))
    const place = await engine.newPlace(directory)
    store = await place.open()
    await fill(store, model)
    await settle(store, model)
    if (place.url !== null) await age(place.url)
    return async () => {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    }
  })

  const queries = fc.record(
    {
      serverId: fc.constantFrom<ServerId>(...servers, newServerId(), servers[0]?.toUpperCase() as ServerId),
      host: fc.constantFrom('h0', 'h1', 'h5', 'nobody').map(hostName),
      name: fc.constantFrom(...names, 'no-such-name'),
      tag: fc.constantFrom(...tags, 'off', 'on'),
      requestId: fc.constantFrom(...requestIds, ...tags, 'req-unknown'),
      code: fc.constantFrom(200, 404, 422),
      state: fc.constantFrom<DeliveryState>('pending', 'dispatched', 'acknowledged', 'failed'),
      sinceUs: fc.integer({ min: START_US - 1_000_000, max: START_US + 20_000_000 }),
      untilUs: fc.integer({ min: START_US - 1_000_000, max: START_US + 20_000_000 }),
      after: fc.integer({ min: 0, max: EVENTS - 1 }).map((i) => ({ i })),
      order: fc.constantFrom('newest' as const, 'oldest' as const),
      limit: fc.constantFrom(1, 7, 100),
    },
    { requiredKeys: ['limit'] },
  )

  it('finds what every filter, alone and with others, says, in either order, from anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(queries, async ({ after, ...rest }) => {
        const start = after === undefined ? undefined : model[after.i]
        const query: EventQuery = start === undefined ? rest : { ...rest, after: start.decided.id }
        const newest = query.order !== 'oldest'
        const reach = start === undefined ? model : newest ? model.slice(0, after?.i) : model.slice((after?.i ?? 0) + 1)
        const expected = reach.filter((each) => matches(each, query)).map(({ decided: { id } }) => id)
        const found = await store.search(query)
        expect(ids(found)).toEqual((newest ? expected.reverse() : expected).slice(0, query.limit))
      }),
      { numRuns: 300 },
    )
  })

  it('gives all of it, once each, page by page', async () => {
    for (const order of ['newest', 'oldest'] as const) {
      const paged: EventId[] = []
      for (;;) {
        const after = paged.at(-1)
        const page = await store.search({ order, limit: 999, host: hostName('h1'), ...(after === undefined ? {} : { after }) })
        paged.push(...ids(page))
        if (page.length < 999) break
      }
      const expected = model.filter(({ states }) => states.has('h1')).map(({ decided: { id } }) => id)
      expect(paged).toEqual(order === 'newest' ? expected.reverse() : expected)
    }
  })

  it('goes on from where an id would stand that is not there', async () => {
    const [newest] = model.slice(-1)
    expect(ids(await store.search({ limit: 1, after: newEventId() }))).toEqual([newest?.decided.id])
    expect(await store.search({ limit: 1, order: 'oldest', after: newEventId() })).toEqual([])
    expect(await store.event(newEventId())).toBeNull()
    expect(await store.event('nonsense' as EventId)).toBeNull()
  })
})

describe('search, in SQLite', () => {
  it('lets short reads go first while long ones are under way', async () => {
    const store = await openJournal()
    for (let i = 0; i < 20; i++) await store.commit(submission(Array.from({ length: 2000 }, () => decided(['h1']))))
    const finished: string[] = []
    const long = Array.from({ length: 5 }, () =>
      store.search({ limit: 10, tag: 'no such tag' }).then(() => finished.push('long')),
    )
    const short = store.open(hostName('h1'), null, 10).then(() => finished.push('short'))
    await Promise.all([...long, short])
    expect(finished).toEqual(['short', 'long', 'long', 'long', 'long', 'long'])
  })
})
