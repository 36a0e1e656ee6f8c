/**
 * How long 200 network-vif-plugged take from their POST to their host's agent: at rest, and while 50,000 network-changed wait for the
 * same host, whose agent takes one every 2 ms, and as many for a host whose agent is dead. Embedded journal, streams without HTTP.
 *
 *     node bench/urgency.ts          (BENCH_STORM=50000, BENCH_EVENTS=200, BENCH_ROUNDS=5)
 *
 * The p99 of 200 is the third longest: one pause of the disk makes another number of it. So there are rounds, and what counts is their
 * median. Fails when that behind the storm is more than twice that at rest.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallContext } from '../src/cast/cast.ts'
import { createStreamCaster } from '../src/cast/stream/create-stream-caster.ts'
import { createDeliveries } from '../src/delivery/deliveries.ts'
import type { EventId, HostName, ServerId } from '../src/events/event.ts'
import type { EventName } from '../src/events/names.ts'
import type { DecidedEvent, Submission } from '../src/journal/journal.ts'
import { openSqliteJournal } from '../src/journal/sqlite/store.ts'
import { uuidv7 } from '../src/lib/uuid.ts'
import { createHappenings } from '../src/observe/happenings.ts'
import { createLog } from '../src/observe/log.ts'
import { createMetrics } from '../src/observe/prometheus.ts'
import { createSseParser } from '../src/sdk/sse.ts'

const STORM = Number(process.env['BENCH_STORM'] ?? 50_000)
const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 200)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
/** Between two POSTs, as one host's plugging goes. */
const PAUSE_MS = 10
/** How long the agent takes for an event that nobody waits for. */
const SLOW_MS = 2

const directory = mkdtempSync(join(tmpdir(), 'novacast-urgency-'))
const log = createLog({ level: 'warn' })
const journal = await openSqliteJournal({ file: join(directory, 'novacast.db'), log })
const observed = { metrics: createMetrics(), happenings: createHappenings(), log }
const config = { window: 1000, ackTimeoutMs: 300_000, heartbeatMs: 15_000 }
const caster = createStreamCaster({ ...observed, journal, config })
const deliveries = createDeliveries({ ...observed, journal, caster, servers: { locate: async () => new Map() }, config })
await deliveries.start()

const context: CallContext = {
  caller: {
    ...{ userId: 'u', userName: 'neutron', userDomainId: null, projectId: 'p', projectName: null, projectDomainId: null },
    ...{ domainId: null, systemScope: null, roles: [], serviceRoles: [], isAdminProject: false, catalog: [] },
  },
  ...{ token: null, isAdmin: true, remoteAddress: null },
}

function decided(host: string, name: EventName): DecidedEvent {
  const serverId = crypto.randomUUID() as ServerId
  const event = { serverId, name, status: 'completed', tag: crypto.randomUUID() } as const
  const destinations = [{ host: host as HostName, cell: null }]
  return { id: uuidv7() as EventId, event, outcome: { kind: 'accepted', code: 200, destinations } }
}

async function post(events: readonly DecidedEvent[]): Promise<void> {
  const ids = { requestId: `req-${crypto.randomUUID()}`, globalRequestId: null }
  const sender = { userId: 'u', userName: 'neutron', projectId: 'p' }
  const submission: Submission = { receivedAtUs: Date.now() * 1000, ...ids, sender, microversion: '2.93', events }
  const searches = deliveries.searches(submission)
  const passedOn = await journal.commit(submission, searches)
  deliveries.accepted({ submission, context, whereabouts: new Map(), searches, passedOn })
}

const arrived = new Map<string, number>()
let stormsDone = 0

/** What is on its way when the journal is closed is refused. */
function acknowledge(host: HostName, ids: readonly EventId[]): void {
  caster.acknowledge(host, ids).catch(() => {})
}

/** An agent that deals with what is waited for at once, and with the rest one by one. */
function follow(host: HostName): void {
  const parse = createSseParser()
  const slow: EventId[] = []
  caster.follow(host, {
    lastEventId: null,
    sink: {
      write: (text) => {
        for (const item of parse(text)) {
          if (item.kind !== 'message' || item.event !== 'external-event') continue
          const { id, name } = JSON.parse(item.data) as { id: EventId; name: EventName }
          if (name === 'network-changed') slow.push(id)
          else {
            arrived.set(id, performance.now())
            acknowledge(host, [id])
          }
        }
        return true
      },
      onDrain: () => {},
      onClose: () => {},
      end: () => {},
    },
  })
  setInterval(() => {
    const ids = slow.splice(0, 5)
    stormsDone += ids.length
    if (ids.length > 0) acknowledge(host, ids)
  }, SLOW_MS * 5).unref()
}

/** The times of so many events, sorted, in milliseconds. */
async function measure(host: string): Promise<readonly number[]> {
  const sent = new Map<EventId, number>()
  for (let i = 0; i < EVENTS; i++) {
    const event = decided(host, 'network-vif-plugged')
    sent.set(event.id, performance.now())
    await post([event])
    await sleep(PAUSE_MS)
  }
  for (const endMs = performance.now() + 60_000; [...sent.keys()].some((id) => !arrived.has(id)); await sleep(5))
    if (performance.now() > endMs) throw new Error('an event that is waited for did not arrive within a minute')
  return [...sent].map(([id, sentMs]) => (arrived.get(id) ?? Number.NaN) - sentMs).sort((a, b) => a - b)
}

type Round = readonly number[]

async function measureRounds(host: string): Promise<readonly Round[]> {
  const rounds: Round[] = []
  while (rounds.length < ROUNDS) rounds.push(await measure(host))
  return rounds
}

const percentile = (times: readonly number[], share: number) =>
  times[Math.min(Math.floor(times.length * share), times.length - 1)] ?? 0

/** The median of the rounds' percentiles. */
function typical(rounds: readonly Round[], share: number): number {
  const each = rounds.map((times) => percentile(times, share)).sort((a, b) => a - b)
  return percentile(each, 0.5)
}

function show(what: string, rounds: readonly Round[]): void {
  const [p50, p99] = [typical(rounds, 0.5), typical(rounds, 0.99)]
  const all = rounds.map((times) => percentile(times, 0.99).toFixed(2)).join(', ')
  console.log(`${what.padEnd(44)} p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (rounds: ${all})`)
}

async function storm(host: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 500) await post(Array.from({ length: 500 }, () => decided(host, 'network-changed')))
}

try {
  follow('compute-1' as HostName)
  // V8 is at its best later.
  await measure('compute-1')
  const before = await measureRounds('compute-1')
  await storm('compute-dead', STORM)
  await storm('compute-1', STORM)
  const behind = await measureRounds('compute-1')
  const waiting = (await journal.host('compute-1' as HostName))?.pending ?? 0
  const ratio = typical(behind, 0.99) / typical(before, 0.99)
  show('at rest', before)
  show(`behind ${waiting} or more, and a dead host`, behind)
  console.log(`p99 ${ratio.toFixed(2)} times that at rest; ${stormsDone} network-changed were dealt with meanwhile`)
  if (ratio > 2) process.exitCode = 1
} finally {
  await deliveries.close()
  await caster.close()
  await journal.close()
  rmSync(directory, { recursive: true, force: true })
}
