/**
 * novacast beside nova-api, in turn, on the same Keystone, databases and broker: rate and latency of POSTs that nova-computes' queues get.
 *
 *     npm run bench:openstack       (BENCH_SECONDS=4 BENCH_ROUNDS=3)
 *
 * Prints a table with ratios and writes bench/results/openstack.json. Starts the tests' stand (root on Debian or Ubuntu); needs wrk.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { type Child, processorSeconds, residentMiB, startChild } from './lib/child.ts'
import { hasWrk, type LoadResult, putLoad } from './lib/load.ts'
import { processorSecondsOf, startStand } from './lib/stand.ts'

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const SERVERS = 200
const HOSTS = Array.from({ length: 10 }, (_, i) => `bench-${i + 1}`)
const SHAPES = [
  { connections: 1, batch: 1 },
  { connections: 4, batch: 1 },
  { connections: 16, batch: 1 },
  { connections: 64, batch: 1 },
  { connections: 16, batch: 10 },
  { connections: 16, batch: 100 },
] as const

type Shape = (typeof SHAPES)[number]

interface Side {
  readonly name: 'novacast' | 'nova-api'
  readonly url: string
  readonly processor: () => number
}

/** One side's burst. */
interface Burst extends LoadResult {
  readonly processor: number
}

const root = join(import.meta.dirname, '..')
const directory = mkdtempSync(join(tmpdir(), 'novacast-bench-'))

/** Queues that take the casts and keep only the newest few: no nova-compute is to be busy beside what is measured. */
async function declareSinks(url: string): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  await channel.assertExchange('nova', 'topic', { durable: false })
  for (const host of HOSTS) {
    const queue = `compute.${host}`
    await channel.assertQueue(queue, { durable: false, arguments: { 'x-max-length': 100, 'x-overflow': 'drop-head' } })
    await channel.bindQueue(queue, 'nova', queue)
  }
  await connection.close()
}

function bodies(servers: readonly string[], batch: number): string[] {
  const event = () => ({
    name: 'network-vif-plugged',
    server_uuid: servers[Math.floor(Math.random() * servers.length)],
    status: 'completed',
    tag: crypto.randomUUID(),
  })
  return Array.from({ length: 500 }, () => JSON.stringify({ events: Array.from({ length: batch }, event) }))
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
const medianOf = (bursts: readonly Burst[], of: (burst: Burst) => number) => median(bursts.map(of))

async function measure(shape: Shape, sides: readonly Side[], servers: readonly string[], token: string) {
  const headers = { 'Content-Type': 'application/json', 'X-Auth-Token': token, 'OpenStack-API-Version': 'compute 2.93' }
  const load = { bodies: bodies(servers, shape.batch), headers, connections: shape.connections, seconds: SECONDS, directory }
  const bursts = new Map<Side, Burst[]>(sides.map((side) => [side, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of sides) {
      const before = side.processor()
      const result = await putLoad({ ...load, url: `${side.url}/v2.1/os-server-external-events` })
      bursts.get(side)?.push({ ...result, processor: side.processor() - before })
    }
  }
  return Object.fromEntries(
    [...bursts].map(([{ name }, all]) => [
      name,
      {
        perSecond: medianOf(all, (burst) => burst.perSecond),
        p50: medianOf(all, (burst) => burst.p50),
        p99: medianOf(all, (burst) => burst.p99),
        failed: all.reduce((sum, burst) => sum + burst.failed, 0),
        processorMicrosPerEvent: medianOf(all, (burst) => (burst.processor / (burst.requests * shape.batch)) * 1e6),
      },
    ]),
  ) as Record<Side['name'], Omit<LoadResult, 'requests'> & { readonly processorMicrosPerEvent: number }>
}

type Measured = Awaited<ReturnType<typeof measure>>

function print(rows: readonly (Shape & { readonly measured: Measured })[]): void {
  console.table(
    rows.map(({ connections, batch, measured: { novacast, 'nova-api': nova } }) => ({
      connections,
      'events/POST': batch,
      'POST/s': Math.round(novacast.perSecond),
      'nova-api POST/s': Math.round(nova.perSecond),
      'rate ×': Number((novacast.perSecond / nova.perSecond).toFixed(1)),
      'p50 ms': novacast.p50,
      'p99 ms': novacast.p99,
      'nova-api p99 ms': nova.p99,
      'p99 1/': Number((nova.p99 / novacast.p99).toFixed(1)),
      'CPU µs/event': Math.round(novacast.processorMicrosPerEvent),
      'nova-api CPU µs/event': Math.round(nova.processorMicrosPerEvent),
      failed: `${novacast.failed}/${nova.failed}`,
    })),
  )
}

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error('this benchmark needs wrk: apt-get install wrk')
  const stand = await startStand()
  let novacast: Child | null = null
  try {
    const { nova, keystone, rabbitmq } = await stand.client.use('nova', 'keystone', 'rabbitmq')
    await declareSinks(rabbitmq.url())
    const servers = (await nova.seed(SERVERS, { hosts: HOSTS })).map(({ uuid }) => uuid)
    const own = join(directory, 'novacast.conf')
    writeFileSync(own, `[novacast]\nport = 0\ndata_dir = ${directory}/data\nlog_level = warn\nmax_microversion = 2.93\n`)
    novacast = await startChild(
      join(root, 'dist/cli/main.js'),
      ['serve', '--config-file', nova.confFile, '--config-file', own],
      /(http:\/\/[0-9.:]+)/,
    )
    const pid = novacast.process.pid as number
    const sides: readonly Side[] = [
      { name: 'nova-api', url: nova.url, processor: () => processorSecondsOf('nova-api-wsgi') },
      { name: 'novacast', url: novacast.match[1] as string, processor: () => processorSeconds(pid) },
    ]
    const token = await keystone.token('neutron')
    const rows = []
    for (const shape of SHAPES) rows.push({ ...shape, measured: await measure(shape, sides, servers, token) })
    print(rows)
    console.log(`novacast's resident memory then: ${residentMiB(pid).toFixed(0)} MiB`)
    const results = join(import.meta.dirname, 'results')
    mkdirSync(results, { recursive: true })
    const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version }
    writeFileSync(join(results, 'openstack.json'), JSON.stringify({ machine, seconds: SECONDS, rounds: ROUNDS, rows }, null, 2))
  } finally {
    await novacast?.stop()
    await stand.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

await main()
