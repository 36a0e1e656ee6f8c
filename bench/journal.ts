/**
 * What the journal and the registry can do without HTTP around them.
 *
 *     node bench/journal.ts          (BENCH_SECONDS=2 BENCH_EVENTS=1000000 BENCH_SERVERS=100000 BENCH_HOSTS=1000)
 *     BENCH_URL=mysql+pymysql://… node bench/journal.ts          (a journal in a database, as it is found there; no registry)
 *
 * Prints durable commits a second at 1, 16 and 64 in flight, events a second in submissions of 100 until the journal holds
 * BENCH_EVENTS, the times of searches and look-ups then, and the resident memory (some 45 MiB of it because Node runs TypeScript in
 * three threads here; the built package does not).
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { EventId, HostName, ServerId } from '../src/events/event.ts'
import type { DecidedEvent, EventQuery, Journal, Submission } from '../src/journal/journal.ts'
import { openSqlJournal } from '../src/journal/sql/sql-journal.ts'
import { openSqliteJournal } from '../src/journal/sqlite/store.ts'
import { uuidv7 } from '../src/lib/uuid.ts'
import { createLog } from '../src/observe/log.ts'
import { createRegistry, type Registry } from '../src/servers/registry/registry.ts'

const JOURNAL_URL = process.env['BENCH_URL']
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 2)
const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 1_000_000)
const SERVERS = Number(process.env['BENCH_SERVERS'] ?? 100_000)
const HOSTS = Number(process.env['BENCH_HOSTS'] ?? 1000)

const residentMib = () => Math.round(process.memoryUsage().rss / 2 ** 20)
const serverId = (n: number) =>
  `00000000-0000-4000-8000-${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(12, '0')}` as ServerId
const hostName = (n: number) => `compute-${n}` as HostName
const random = (below: number) => Math.floor(Math.random() * below)

function submission(size: number): Submission {
  const event = (): DecidedEvent => {
    const server = random(SERVERS)
    return {
      id: uuidv7() as EventId,
      event: { serverId: serverId(server), name: 'network-vif-plugged', status: 'completed', tag: crypto.randomUUID() },
      outcome: { kind: 'accepted', code: 200, destinations: [{ host: hostName(server % HOSTS), cell: null }] },
    }
  }
  return {
    receivedAtUs: Date.now() * 1000,
    requestId: `req-${crypto.randomUUID()}`,
    globalRequestId: `req-${crypto.randomUUID()}`,
    sender: { userId: 'admin', userName: 'admin', projectId: 'admin' },
    microversion: '2.93',
    events: Array.from({ length: size }, event),
  }
}

/** Commits until `until` says stop, so many at a time. */
async function commitAll(store: Journal, inFlight: number, size: number, until: () => boolean): Promise<void> {
  const waits: number[] = []
  const start = performance.now()
  let commits = 0
  const one = async () => {
    while (!until()) {
      const made = submission(size)
      const before = performance.now()
      await store.commit(made)
      waits.push(performance.now() - before)
      commits++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  const seconds = (performance.now() - start) / 1000
  waits.sort((a, b) => a - b)
  const percentile = (share: number) => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(2)
  console.log(
    `${String(inFlight).padStart(3)} in flight of ${size}: ${Math.round(commits / seconds)} submissions/s, ` +
      `${Math.round((commits * size) / seconds)} events/s, p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, RSS ${residentMib()} MiB`,
  )
}

const forSeconds = (seconds: number) => {
  const end = performance.now() + seconds * 1000
  return () => performance.now() > end
}

async function timed(what: string, run: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await run()
  console.log(`${what}: ${(performance.now() - start).toFixed(1)} ms`)
}

async function measureSearches(store: Journal): Promise<void> {
  const page = { limit: 100 }
  const [some] = await store.search({ limit: 1, order: 'oldest' })
  if (some === undefined) throw new Error('the journal is empty')
  const queries: Record<string, EventQuery> = {
    newest: page,
    'one server': { ...page, serverId: some.event.serverId },
    'one request': { ...page, requestId: some.requestId },
    'one host': { ...page, host: hostName(1) },
    'acknowledged on a host (none)': { ...page, host: hostName(1), state: 'acknowledged' },
    'an unknown tag (all rows compared)': { ...page, tag: 'no such tag' },
    'the last millisecond': { ...page, sinceUs: Date.now() * 1000 - 1000 },
  }
  for (const [what, query] of Object.entries(queries)) await timed(`search ${what}`, () => store.search(query))
  await timed('open of a host', () => store.open(hostName(1), null, 100))
  await timed('1000 hosts', () => store.hosts(null, 1000))
}

async function measureDelivery(store: Journal): Promise<void> {
  const host = hostName(1)
  const open = await store.open(host, null, 1000)
  const atUs = Date.now() * 1000
  await timed(`${open.length} dispatched`, () =>
    store.record(open.map(({ eventId }) => ({ kind: 'dispatched', host, eventId, atUs, isEnd: false }))),
  )
  await timed(`${open.length} acknowledged`, () =>
    store.acknowledge(
      host,
      open.map(({ eventId }) => eventId),
      atUs,
    ),
  )
}

async function measureRegistry(registry: Registry, store: Journal): Promise<void> {
  function* entries() {
    for (let n = 0; n < SERVERS; n++) {
      yield { uuid: serverId(n), host: hostName(n % HOSTS), movingTo: null, projectId: 'p'.repeat(32), name: `server ${n}` }
    }
  }
  const start = performance.now()
  let importing = true
  const imported = registry.importServers(entries()).finally(() => {
    importing = false
  })
  await commitAll(store, 1, 1, () => !importing)
  console.log(`import beside those: ${Math.round(((await imported) / (performance.now() - start)) * 1000)} servers/s`)
  for (const size of [1, 100, 1000]) {
    const rounds = Math.ceil(20_000 / size)
    const before = performance.now()
    for (let i = 0; i < rounds; i++) await registry.locate(Array.from({ length: size }, () => serverId(random(SERVERS))))
    console.log(`locate ${size} at once: ${(((performance.now() - before) * 1000) / (rounds * size)).toFixed(2)} µs each`)
  }
}

async function measureAll(store: Journal): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  for (const inFlight of [1, 16, 64]) await commitAll(store, inFlight, 1, forSeconds(SECONDS))
  await commitAll(store, 16, 100, forSeconds(SECONDS))
  let left = EVENTS / 100
  await commitAll(store, 64, 100, () => left-- <= 0)
  delay.enable()
  await measureSearches(store)
  await measureDelivery(store)
  delay.disable()
  console.log(`longest stall of the main thread meanwhile: ${(delay.max / 1e6).toFixed(1)} ms; RSS ${residentMib()} MiB`)
}

async function measureFile(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'novacast-journal-'))
  const file = join(directory, 'novacast.db')
  const store = await openSqliteJournal({ file, log: createLog({ level: 'warn' }) })
  try {
    await measureRegistry(createRegistry(store.servers), store)
    await measureAll(store)
    const mib = (path: string) => Math.round(statSync(path).size / 2 ** 20)
    console.log(`file ${mib(file)} MiB, log ${mib(`${file}-wal`)} MiB`)
  } finally {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measureDatabase(url: string): Promise<void> {
  const journal = await openSqlJournal({ url, replica: { id: 'bench' }, log: createLog({ level: 'warn' }) })
  await measureAll(journal).finally(() => journal.close())
}

console.log(`node ${process.version}, RSS ${residentMib()} MiB`)
await (JOURNAL_URL === undefined ? measureFile() : measureDatabase(JOURNAL_URL))
