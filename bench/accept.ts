/**
 * How fast novacast accepts: durable POSTs on the embedded default beside a bare node:http JSON echo, in turn, in the same minutes.
 *
 *     npm run bench                 (BENCH_SECONDS=4 BENCH_ROUNDS=3)
 *
 * Prints a table with ratios and writes bench/results/accept.json. Needs wrk (apt-get install wrk).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, processorSeconds, residentMiB, startChild } from './lib/child.ts'
import { hasWrk, type LoadResult, putLoad } from './lib/load.ts'

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const SERVERS = 1000
const HOSTS = 10
const SHAPES = [
  { connections: 1, batch: 1 },
  { connections: 16, batch: 1 },
  { connections: 64, batch: 1 },
  { connections: 16, batch: 100 },
] as const

interface Row {
  readonly connections: number
  readonly batch: number
  readonly novacast: LoadResult
  readonly echo: LoadResult
  /** Ratio of the two rates, median of the rounds. */
  readonly ratio: number
  readonly eventsPerSecond: number
  readonly processorMicrosPerEvent: number
}

const root = join(import.meta.dirname, '..')
const directory = mkdtempSync(join(tmpdir(), 'novacast-bench-'))
const servers = Array.from({ length: SERVERS }, () => crypto.randomUUID())

function bodies(batch: number): string[] {
  const event = () => ({
    name: 'network-vif-plugged',
    server_uuid: servers[Math.floor(Math.random() * SERVERS)],
    status: 'completed',
    tag: crypto.randomUUID(),
  })
  return Array.from({ length: 500 }, () => JSON.stringify({ events: Array.from({ length: batch }, event) }))
}

async function register(url: string): Promise<void> {
  const lines = servers.map((uuid, i) => JSON.stringify({ uuid, host: `compute-${i % HOSTS}` })).join('\n')
  const headers = { 'X-Auth-Token': 'admin:admin', 'Content-Type': 'application/x-ndjson' }
  const answer = await fetch(`${url}/novacast/v1/servers`, { method: 'POST', headers, body: lines })
  if (!answer.ok) throw new Error(`registering servers: ${answer.status} ${await answer.text()}`)
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

async function measure(shape: (typeof SHAPES)[number], novacast: Child, url: string, echoUrl: string): Promise<Row> {
  const headers = { 'Content-Type': 'application/json', 'X-Auth-Token': 'admin:admin' }
  const load = { bodies: bodies(shape.batch), headers, connections: shape.connections, seconds: SECONDS, directory }
  const rounds: { ours: LoadResult; echo: LoadResult; processor: number }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const echo = await putLoad({ ...load, url: echoUrl })
    const before = processorSeconds(novacast.process.pid as number)
    const ours = await putLoad({ ...load, url: `${url}/v2.1/os-server-external-events` })
    rounds.push({ ours, echo, processor: processorSeconds(novacast.process.pid as number) - before })
  }
  const at = rounds.find((each) => each.ours.perSecond === median(rounds.map((r) => r.ours.perSecond))) as (typeof rounds)[number]
  return {
    ...shape,
    novacast: at.ours,
    echo: at.echo,
    ratio: median(rounds.map((each) => each.ours.perSecond / each.echo.perSecond)),
    eventsPerSecond: at.ours.perSecond * shape.batch,
    processorMicrosPerEvent: (at.processor / (at.ours.requests * shape.batch)) * 1e6,
  }
}

function print(rows: readonly Row[], accepted: number, residentMib: number): void {
  const table = rows.map((row) => ({
    connections: row.connections,
    'events/POST': row.batch,
    'POST/s': Math.round(row.novacast.perSecond),
    'echo POST/s': Math.round(row.echo.perSecond),
    ratio: Number(row.ratio.toFixed(2)),
    'events/s': Math.round(row.eventsPerSecond),
    'p50 ms': row.novacast.p50,
    'p99 ms': row.novacast.p99,
    'echo p99 ms': row.echo.p99,
    'CPU µs/event': Number(row.processorMicrosPerEvent.toFixed(1)),
    failed: row.novacast.failed,
  }))
  console.table(table)
  console.log(`${accepted} events accepted; novacast's resident memory then: ${residentMib.toFixed(0)} MiB`)
}

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error('this benchmark needs wrk: apt-get install wrk')
  const echo = await startChild(process.execPath, [join(import.meta.dirname, 'lib/echo.ts')], /^(\d+)$/)
  const novacast = await startChild(
    join(root, 'dist/cli/main.js'),
    ['serve', '--port', '0', '--data-dir', directory],
    /(http:\/\/[0-9.:]+)/,
  )
  try {
    const url = novacast.match[1] as string
    await register(url)
    const rows: Row[] = []
    for (const shape of SHAPES) rows.push(await measure(shape, novacast, url, `http://127.0.0.1:${echo.match[1]}/`))
    const accepted = rows.reduce((sum, row) => sum + row.novacast.requests * row.batch, 0) * ROUNDS
    const residentMib = residentMiB(novacast.process.pid as number)
    print(rows, accepted, residentMib)
    const results = join(import.meta.dirname, 'results')
    mkdirSync(results, { recursive: true })
    const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version }
    writeFileSync(
      join(results, 'accept.json'),
      JSON.stringify({ machine, seconds: SECONDS, rounds: ROUNDS, rows, residentMib, accepted }, null, 2),
    )
  } finally {
    await novacast.stop()
    await echo.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

await main()
