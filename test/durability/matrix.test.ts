import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { EventRecord } from '../../src/sdk/index.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { withClient } from './drain.ts'
import { KILL_AT, KILL_AT_PASS, KILL_POINTS, type KillPointName } from './kill-points.ts'
import { sendUntilGone } from './load.ts'
import { inDatabase, inFile, type MakePlace, type Place, type Receivers } from './places.ts'

const HOSTS = ['compute-1', 'compute-2', 'compute-3']
const SERVERS = 9
const SENDERS = 6
/** At which pass it is killed: late enough for much to be under way, and for some to have ended. */
const PASS: Readonly<Partial<Record<KillPointName, number>>> = { 'during retention': 2 }
const USUAL_PASS = 25
/** Options that make a point come. */
const OPTIONS: Readonly<Partial<Record<KillPointName, Readonly<Record<string, string>>>>> = {
  'during retention': { NOVACAST_RETENTION: '1' },
}
const PRELOAD = join(import.meta.dirname, 'kill-at.ts')

type Arrivals = Receivers['arrivals']

/** A life under load that ends at the point. Hosts are there, unless that would take the point away. */
async function liveUntil(point: KillPointName, place: Place) {
  const environment = {
    ...{ NODE_OPTIONS: `--import ${PRELOAD}`, [KILL_AT]: point, [KILL_AT_PASS]: String(PASS[point] ?? USUAL_PASS) },
    ...OPTIONS[point],
  }
  const novacast = await place.start({ environment })
  const receivers = await place.receive(novacast.url, point === 'after the reply, before dispatch' ? [] : HOSTS)
  const load = { url: novacast.url, servers: place.servers, senders: SENDERS, onAnswer: () => {} }
  const { accepted } = await sendUntilGone(load)
  expect(await novacast.gone).toBe('SIGKILL')
  await receivers.stop()
  return { accepted, arrivals: receivers.arrivals }
}

/** A life without load, until nothing waits any more; with the stories of all events. */
async function liveOn(place: Place): Promise<{ readonly arrivals: Arrivals; readonly stories: readonly EventRecord[] }> {
  const novacast = await place.start()
  const receivers = await place.receive(novacast.url, HOSTS)
  await receivers.untilNothingWaits()
  const stories: EventRecord[] = []
  await withClient(novacast.url, async (client) => {
    for await (const story of client.events.search({ order: 'oldest' })) stories.push(story)
  })
  await receivers.stop()
  await novacast.kill()
  return { arrivals: receivers.arrivals, stories }
}

function expectOrder(counting: Arrivals, { servers }: Place, stories: readonly EventRecord[]): void {
  const places = new Map(stories.map(({ tag }, i) => [tag, i]))
  for (const server of servers) {
    const order = counting.flatMap((each) => (each.server === server ? (places.get(each.tag) ?? []) : []))
    expect(order).toEqual(order.toSorted((one, other) => one - other))
  }
}

/** One arrival of each delivery: the first or the last. */
function countingOf(arrivals: Arrivals, counts: Place['counts']): Arrivals {
  const byTag = new Map<string, Arrivals[number]>()
  for (const arrival of arrivals) {
    if (counts === 'last') byTag.delete(arrival.tag)
    if (!byTag.has(arrival.tag)) byTag.set(arrival.tag, arrival)
  }
  return [...byTag.values()]
}

function testPoints(makePlace: MakePlace): void {
  for (const point of Object.keys(KILL_POINTS) as KillPointName[])
    it(`${point}: nothing is lost, and what comes twice says so`, { timeout: 300_000 }, async () => {
      const place = await makePlace(SERVERS, HOSTS)
      const before = await liveUntil(point, place)
      const after = await liveOn(place)

      const counting = countingOf([...before.arrivals, ...after.arrivals], place.counts)
      const arrived = new Set(counting.map(({ tag }) => tag))
      expect([...before.accepted].filter((tag) => !arrived.has(tag))).toEqual([])
      expect(after.stories.filter(({ tag }) => !arrived.has(tag ?? '')).map(({ id }) => id)).toEqual([])
      const kept = new Set(after.stories.map(({ tag }) => tag))
      if (point !== 'during retention') expect([...before.accepted].filter((tag) => !kept.has(tag))).toEqual([])
      const ends = after.stories.flatMap(({ deliveries }) =>
        deliveries.length === 0 ? 'none' : deliveries.map(({ state }) => state),
      )
      expect([...new Set(ends)]).toEqual([place.counts === 'first' ? 'acknowledged' : 'dispatched'])
      expectOrder(counting, place, after.stories)

      const known = new Set(before.arrivals.map(({ tag }) => tag))
      const repeats = after.arrivals.filter(({ tag }) => known.has(tag))
      expect(repeats.filter(({ attempt }) => attempt !== null && attempt < 2)).toEqual([])
      console.log(
        `${point}: ${before.accepted.size} events accepted, ${after.stories.length} kept, ${arrived.size} delivered, ${repeats.length} twice`,
      )
    })
}

const stand = await useStand('mariadb', 'postgresql', 'rabbitmq')

describe('kill -9 at a point, with the journal in SQLite', () => testPoints(inFile))
describeOn(stand, 'kill -9 at a point, with the journal in MariaDB', ({ mariadb, rabbitmq }) =>
  testPoints(inDatabase(mariadb, 'mysql', rabbitmq)),
)
describeOn(stand, 'kill -9 at a point, with the journal in PostgreSQL', ({ postgresql, rabbitmq }) =>
  testPoints(inDatabase(postgresql, 'postgresql', rabbitmq)),
)
