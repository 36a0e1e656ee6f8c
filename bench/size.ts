/**
 * Whether the journal is as fast at ten million events as at ten thousand.
 *
 *     node bench/size.ts             (BENCH_SIZES=10000,10000000 BENCH_SECONDS=4 BENCH_DIR=/where/there/is/room)
 *     BENCH_URL=mysql+pymysql://… node bench/size.ts     (a database, empty at first; the sizes ascend and share it; no live tail)
 *
 * For each size a journal is filled, 10 events a server, all ended, received over the last ten days. Then are measured: look-ups of
 * 500 servers, events and requests; the live tail, from a POST to the event on a stream of a whole novacast; commits of a single event
 * and of 100; retention, as fast as it can and as the service does it, with the commits beside it. Prints a table with the ratios to
 * the first size, and writes bench/results/size-ENGINE.json.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventRecord, Journal } from '../src/journal/journal.ts'
import { createRetention } from '../src/journal/retention.ts'
import { openSqlJournal } from '../src/journal/sql/sql-journal.ts'
import { openSqliteJournal } from '../src/journal/sqlite/store.ts'
import { createLog } from '../src/observe/log.ts'
import { createMetrics } from '../src/observe/prometheus.ts'
import { ended, fill, random, serverId, submission } from './lib/journal-fill.ts'
import { measureTail } from './lib/tail.ts'

const JOURNAL_URL = process.env['BENCH_URL']
const SIZES = (process.env['BENCH_SIZES'] ?? '10000,10000000').split(',').map(Number)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4)
const DIRECTORY = process.env['BENCH_DIR'] ?? tmpdir()
const DAYS = 10
const LOOK_UPS = 500
const POSTS = 300
/** Events that retention removes at most while it is measured. */
const REMOVED = 500_000

const log = createLog({ level: 'warn' })

/** What is measured, and whether more is better. */
const ROWS = {
  'look-up by server, median ms': 'less',
  'look-up by server, p99 ms': 'less',
  'look-up by event id, median ms': 'less',
  'look-up by request id, median ms': 'less',
  'live tail, median ms': 'less',
  'live tail, p99 ms': 'less',
  'accept, events/s in POSTs of 1': 'more',
  'accept, events/s in POSTs of 100': 'more',
  'accept beside nothing, p50 ms': 'less',
  'accept beside nothing, p99 ms': 'less',
  'accept beside retention, p50 ms': 'less',
  'accept beside retention, p99 ms': 'less',
  'retention as the service does it, events/s': 'more',
  'retention at full speed, events/s': 'more',
  'fill, events/s': 'more',
  'MiB on disk': 'none',
} as const
type Row = keyof typeof ROWS
type Measured = Partial<Record<Row, number>>

const percentile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN

async function waitsOf(times: number, run: () => Promise<unknown>): Promise<number[]> {
  const waits: number[] = []
  for (let i = 0; i < times; i++) {
    const startMs = performance.now()
    await run()
    waits.push(performance.now() - startMs)
  }
  return waits.sort((a, b) => a - b)
}

async function measureLookUps(journal: Journal, servers: number): Promise<Measured> {
  const found: EventRecord[] = []
  const look = async () =>
    void found.push(...(await journal.search({ serverId: serverId(random(servers)), limit: 100 })).slice(0, 1))
  await waitsOf(LOOK_UPS / 5, look)
  const byServer = await waitsOf(LOOK_UPS, look)
  const some = () => {
    const record = found[random(found.length)]
    if (record === undefined) throw new Error('the journal is empty')
    return record
  }
  const byId = await waitsOf(LOOK_UPS, () => journal.event(some().id))
  const byRequest = await waitsOf(LOOK_UPS / 5, () => journal.search({ requestId: some().requestId, limit: 100 }))
  return {
    'look-up by server, median ms': percentile(byServer, 0.5),
    'look-up by server, p99 ms': percentile(byServer, 0.99),
    'look-up by event id, median ms': percentile(byId, 0.5),
    'look-up by request id, median ms': percentile(byRequest, 0.5),
  }
}

/** Commits without end until the time is over, so many at a time; each ends as it does in life. */
async function commitFor(journal: Journal, about: { inFlight: number; size: number; servers: number }) {
  const waits: number[] = []
  const startMs = performance.now()
  const endMs = startMs + SECONDS * 1000
  const one = async () => {
    while (performance.now() < endMs) {
      const made = submission(about.size, about.servers)
      const sentMs = performance.now()
      await journal.commit(made)
      waits.push(performance.now() - sentMs)
      void journal.record(ended(made))
    }
  }
  await Promise.all(Array.from({ length: about.inFlight }, one))
  const perSecond = (waits.length * about.size * 1000) / (performance.now() - startMs)
  return { perSecond, waits: waits.sort((a, b) => a - b) }
}

async function measureAccept(journal: Journal, servers: number): Promise<Measured> {
  const single = await commitFor(journal, { inFlight: 64, size: 1, servers })
  const batches = await commitFor(journal, { inFlight: 16, size: 100, servers })
  const calm = await commitFor(journal, { inFlight: 4, size: 1, servers })
  return {
    'accept, events/s in POSTs of 1': single.perSecond,
    'accept, events/s in POSTs of 100': batches.perSecond,
    'accept beside nothing, p50 ms': percentile(calm.waits, 0.5),
    'accept beside nothing, p99 ms': percentile(calm.waits, 0.99),
  }
}

async function measureRetention(journal: Journal, servers: number): Promise<Measured> {
  // As the service does it: with a retention that is over for half of what was filled.
  let removed = 0
  const counting: Pick<Journal, 'retain'> = {
    retain: async (beforeUs, from) => {
      const step = await journal.retain(beforeUs, from)
      removed += step.removed
      return step
    },
  }
  const retentionMs = (DAYS * 86_400_000) / 2
  const retention = createRetention({ journal: counting, retentionMs, metrics: createMetrics(), log })
  const startMs = performance.now()
  retention.start()
  const busy = await commitFor(journal, { inFlight: 4, size: 1, servers })
  await retention.close()
  const beside = (removed * 1000) / (performance.now() - startMs)

  removed = 0
  const fullMs = performance.now()
  for (let from: number | null = 0; from !== null && removed < REMOVED; )
    from = (await counting.retain((Date.now() - 86_400_000) * 1000, from)).next
  return {
    'accept beside retention, p50 ms': percentile(busy.waits, 0.5),
    'accept beside retention, p99 ms': percentile(busy.waits, 0.99),
    'retention as the service does it, events/s': beside,
    'retention at full speed, events/s': (removed * 1000) / (performance.now() - fullMs),
  }
}

async function fillTimed(journal: Journal, events: number, servers: number): Promise<Measured> {
  const startMs = performance.now()
  await fill(journal, { events, servers, days: DAYS })
  return { 'fill, events/s': (events * 1000) / (performance.now() - startMs) }
}

async function measureFile(events: number): Promise<Measured> {
  const directory = mkdtempSync(join(DIRECTORY, 'novacast-size-'))
  const file = join(directory, 'novacast.db')
  const servers = events / 10
  const open = () => openSqliteJournal({ file, log })
  try {
    let journal = await open()
    const filled = await fillTimed(journal, events, servers)
    const size = statSync(file).size / 2 ** 20
    const lookUps = await measureLookUps(journal, servers)
    await journal.close()
    const tail = await measureTail(directory, POSTS)
    journal = await open()
    const accept = await measureAccept(journal, servers)
    const retention = await measureRetention(journal, servers)
    await journal.close()
    return {
      ...filled,
      ...lookUps,
      'live tail, median ms': percentile(tail, 0.5),
      'live tail, p99 ms': percentile(tail, 0.99),
      ...accept,
      ...retention,
      'MiB on disk': size,
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measureDatabase(url: string, events: number): Promise<Measured> {
  const journal = await openSqlJournal({ url, replica: { id: 'bench' }, log })
  const servers = events / 10
  try {
    const filled = await fillTimed(journal, events, servers)
    const lookUps = await measureLookUps(journal, servers)
    return { ...filled, ...lookUps, ...(await measureAccept(journal, servers)), ...(await measureRetention(journal, servers)) }
  } finally {
    await journal.close()
  }
}

function print(results: readonly (readonly [number, Measured])[]): void {
  const [first] = results
  const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(14)).join('')
  console.log(`${''.padEnd(46)}${cells(results.flatMap(([size], i) => (i === 0 ? [String(size)] : [String(size), 'ratio'])))}`)
  for (const row of Object.keys(ROWS) as Row[]) {
    const base = first?.[1][row]
    const texts = results.flatMap(([, measured], i) => {
      const value = measured[row]
      const text = value === undefined ? '' : value < 100 ? value.toFixed(3) : Math.round(value).toLocaleString('en')
      if (i === 0) return [text]
      const ratio = base === undefined || value === undefined || ROWS[row] === 'none' ? '' : (value / base).toFixed(2)
      return [text, ratio]
    })
    console.log(`${row.padEnd(46)}${cells(texts)}`)
  }
}

const results: [number, Measured][] = []
for (const size of SIZES) {
  console.error(`${size} events`)
  results.push([size, await (JOURNAL_URL === undefined ? measureFile(size) : measureDatabase(JOURNAL_URL, size))])
}
print(results)
const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
const engine = JOURNAL_URL === undefined ? 'sqlite' : JOURNAL_URL.replace(/[:+].*$/, '')
writeFileSync(join(folder, `size-${engine}.json`), `${JSON.stringify(Object.fromEntries(results), null, 2)}\n`)
