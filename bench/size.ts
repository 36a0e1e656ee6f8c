/**
 * Whether the journal is as fast at ten million events as at ten thousand.
 *
 *     node bench/size.ts             (BENCH_SIZES=10000,10000000 BENCH_SECONDS=6 BENCH_KEEP=/where/journals/stay)
 *     BENCH_URLS=mysql+pymysql://…/a,mysql+pymysql://…/b node bench/size.ts     (databases, empty at first; no live tail)
 *
 * A journal of each size is filled, 10 events a server, all ended, received over the last ten days; of half the servers in bursts of five,
 * as when one boots or moves, of the others each event alone. Then all are measured in turns, so
 * that whatever else the machine does is the same to each: look-ups of servers, events and requests; the live tail, from a POST to the event
 * on a stream of a whole novacast; commits of a single event and of 100; retention, as the service does it, with the commits beside it, and
 * as fast as it can. Prints a table with the ratios to the first size, and writes bench/results/size-ENGINE.json.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventRecord, Journal, Retained } from '../src/journal/journal.ts'
import { createRetention } from '../src/journal/retention.ts'
import { openSqlJournal } from '../src/journal/sql/sql-journal.ts'
import { openSqliteJournal } from '../src/journal/sqlite/store.ts'
import { createLog } from '../src/observe/log.ts'
import { createMetrics } from '../src/observe/prometheus.ts'
import { fillFile } from './lib/fill-file.ts'
import { ended, fill, random, serverId, submission } from './lib/journal-fill.ts'
import { startTail, type Tail } from './lib/tail.ts'

const URLS = process.env['BENCH_URLS']?.split(',')
const SIZES = (process.env['BENCH_SIZES'] ?? '10000,10000000').split(',').map(Number)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 6)
const KEEP = process.env['BENCH_KEEP']
const FILE = 'novacast.db'
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
  'look-up by server, each event alone, median ms': 'less',
  'look-up by server, each event alone, p99 ms': 'less',
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
  'MiB on disk': 'none',
} as const
type Row = keyof typeof ROWS
type Measured = Partial<Record<Row, number>>

const percentile = (waits: readonly number[], share: number) =>
  waits.toSorted((a, b) => a - b)[Math.floor(waits.length * share)] ?? Number.NaN

/** One of the journals that are compared. */
interface Stage {
  readonly events: number
  readonly servers: number
  /** Null in a database. */
  readonly directory: string | null
  readonly journal: Journal
  readonly measured: Measured
}

/** So many rounds, each with a turn for every stage. */
async function inTurns<Answer>(
  stages: readonly Stage[],
  rounds: number,
  take: (stage: Stage) => Promise<readonly Answer[]>,
): Promise<Map<Stage, Answer[]>> {
  const answers = new Map(stages.map((stage): [Stage, Answer[]] => [stage, []]))
  for (let round = 0; round < rounds; round++) for (const stage of stages) answers.get(stage)?.push(...(await take(stage)))
  return answers
}

async function waitsOf(times: number, run: () => Promise<unknown>): Promise<number[]> {
  const waits: number[] = []
  for (let i = 0; i < times; i++) {
    const startMs = performance.now()
    await run()
    waits.push(performance.now() - startMs)
  }
  return waits
}

async function measureLookUps(stages: readonly Stage[]): Promise<void> {
  const records = new Map(stages.map((stage): [Stage, EventRecord[]] => [stage, []]))
  const find = (stage: Stage, server: number) => stage.journal.search({ serverId: serverId(server), limit: 100 })
  const byServer = async (stage: Stage) => find(stage, 2 * random(stage.servers / 2))
  const collect = async (stage: Stage) => void records.get(stage)?.push(...(await byServer(stage)).slice(0, 1))
  const some = (stage: Stage) => {
    const all = records.get(stage) ?? []
    const record = all[random(all.length)]
    if (record === undefined) throw new Error('the journal is empty')
    return record
  }
  await inTurns(stages, 5, (stage) => waitsOf(40, () => collect(stage)))
  const kinds = {
    'look-up by server': byServer,
    'look-up by server, each event alone': async (stage: Stage) => find(stage, 2 * random(stage.servers / 2) + 1),
    'look-up by event id': async (stage: Stage) => stage.journal.event(some(stage).id),
    'look-up by request id': async (stage: Stage) => stage.journal.search({ requestId: some(stage).requestId, limit: 100 }),
  }
  for (const [kind, look] of Object.entries(kinds)) {
    const waits = await inTurns(stages, 10, (stage) => waitsOf(LOOK_UPS / 10, () => look(stage)))
    for (const [{ measured }, each] of waits) {
      measured[`${kind}, median ms` as Row] = percentile(each, 0.5)
      const p99 = `${kind}, p99 ms`
      if (p99 in ROWS) measured[p99 as Row] = percentile(each, 0.99)
    }
  }
}

async function measureTails(stages: readonly Stage[]): Promise<void> {
  const tails = new Map<Stage, Tail>()
  for (const stage of stages) if (stage.directory !== null) tails.set(stage, await startTail(stage.directory))
  const waits = await inTurns([...tails.keys()], 10, async (stage) => (await tails.get(stage)?.post(POSTS / 10)) ?? [])
  for (const [{ measured }, each] of waits) {
    measured['live tail, median ms'] = percentile(each, 0.5)
    measured['live tail, p99 ms'] = percentile(each, 0.99)
  }
  for (const tail of tails.values()) await tail.stop()
}

/** Commits for a second, so many at a time; each ends as it does in life. */
async function commitForASecond({ journal, servers }: Stage, about: { inFlight: number; size: number }) {
  const waits: number[] = []
  const startMs = performance.now()
  const records: Promise<unknown>[] = []
  const one = async () => {
    while (performance.now() < startMs + 1000) {
      const made = submission(about.size, servers)
      const sentMs = performance.now()
      await journal.commit(made)
      waits.push(performance.now() - sentMs)
      records.push(journal.record(ended(made)))
    }
  }
  await Promise.all(Array.from({ length: about.inFlight }, one))
  const perSecond = (waits.length * about.size * 1000) / (performance.now() - startMs)
  await Promise.all(records)
  return { perSecond, waits }
}

async function measureAccept(stages: readonly Stage[]): Promise<void> {
  const rates = { 'accept, events/s in POSTs of 1': [64, 1], 'accept, events/s in POSTs of 100': [16, 100] } as const
  for (const [row, [inFlight, size]] of Object.entries(rates)) {
    const results = await inTurns(stages, SECONDS, async (stage) => [
      (await commitForASecond(stage, { inFlight, size })).perSecond,
    ])
    for (const [{ measured }, each] of results) measured[row as Row] = percentile(each, 0.5)
  }
}

/** A retention that is over for half of what was filled, as the service does it, while events are accepted; and without. */
async function measureBeside(stages: readonly Stage[]): Promise<void> {
  const calm = await inTurns(stages, SECONDS, async (stage) => (await commitForASecond(stage, { inFlight: 4, size: 1 })).waits)
  const rates = new Map<Stage, number[]>(stages.map((stage) => [stage, []]))
  const busy = await inTurns(stages, SECONDS, async (stage) => {
    let removed = 0
    const retain: Journal['retain'] = async (...asked) => {
      const step = await stage.journal.retain(...asked)
      removed += step.removed
      return step
    }
    const retentionMs = (DAYS * 86_400_000) / 2
    const retention = createRetention({ journal: { retain }, retentionMs, metrics: createMetrics(), log })
    const startMs = performance.now()
    retention.start()
    const { waits } = await commitForASecond(stage, { inFlight: 4, size: 1 })
    await retention.close()
    rates.get(stage)?.push((removed * 1000) / (performance.now() - startMs))
    return waits
  })
  for (const stage of stages) {
    for (const [beside, waits] of [
      ['nothing', calm],
      ['retention', busy],
    ] as const) {
      stage.measured[`accept beside ${beside}, p50 ms`] = percentile(waits.get(stage) ?? [], 0.5)
      stage.measured[`accept beside ${beside}, p99 ms`] = percentile(waits.get(stage) ?? [], 0.99)
    }
    stage.measured['retention as the service does it, events/s'] = Math.max(...(rates.get(stage) ?? []))
  }
}

/** All that has ended, or as much of it as makes a good measure. */
async function measureRetention(stages: readonly Stage[]): Promise<void> {
  for (const { journal, measured } of stages) {
    let removed = 0
    const startMs = performance.now()
    for (let from: number | null = 0; from !== null && removed < REMOVED; ) {
      const step: Retained = await journal.retain(Date.now() * 1000, from)
      removed += step.removed
      from = step.next
    }
    measured['retention at full speed, events/s'] = (removed * 1000) / (performance.now() - startMs)
  }
}

/** A journal of this size: one that was kept, or a new one that is filled. */
async function prepare(events: number, url: string | undefined): Promise<Stage> {
  const about = { events, servers: events / 10, measured: {} }
  const filling = { events, servers: about.servers, days: DAYS }
  if (url !== undefined) {
    const journal = await openSqlJournal({ url, replica: { id: 'bench' }, log })
    if ((await journal.search({ limit: 1 })).length === 0) await fill(journal, filling)
    return { ...about, directory: null, journal }
  }
  const directory = KEEP === undefined ? mkdtempSync(join(tmpdir(), 'novacast-size-')) : join(KEEP, String(events))
  if (!existsSync(join(directory, FILE))) await fillFile(join(directory, FILE), filling)
  return reopen({ ...about, directory })
}

async function reopen(stage: Omit<Stage, 'journal'> & { readonly directory: string }): Promise<Stage> {
  const file = join(stage.directory, FILE)
  stage.measured['MiB on disk'] = statSync(file).size / 2 ** 20
  return { ...stage, journal: await openSqliteJournal({ file, log }) }
}

async function measure(): Promise<readonly Stage[]> {
  const stages: Stage[] = []
  for (const [i, events] of SIZES.entries()) {
    console.error(`${events} events`)
    stages.push(await prepare(events, URLS?.[i]))
  }
  console.error('measuring')
  await measureLookUps(stages)
  const again: Stage[] = []
  for (const { directory, journal } of stages) if (directory !== null) await journal.close()
  await measureTails(stages)
  for (const stage of stages) {
    const { directory } = stage
    again.push(directory === null ? stage : await reopen({ ...stage, directory }))
  }
  await measureAccept(again)
  await measureBeside(again)
  await measureRetention(again)
  for (const { journal, directory } of again) {
    await journal.close()
    if (directory !== null && KEEP === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return again
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

const stages = await measure()
print(stages.map(({ events, measured }) => [events, measured]))
const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
const engine = URLS?.[0]?.replace(/[:+].*$/, '') ?? 'sqlite'
const results = Object.fromEntries(stages.map(({ events, measured }) => [events, measured]))
writeFileSync(join(folder, `size-${engine}.json`), `${JSON.stringify(results, null, 2)}\n`)
