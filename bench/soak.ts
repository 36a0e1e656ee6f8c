/**
 * Ten minutes of 2,000 events a second, novacast and its broker killed every few seconds: what was accepted is delivered or accounted for,
 * and memory stays flat.
 *
 *     npm run soak       (SOAK_MINUTES=10 SOAK_EVENTS_PER_SECOND=2000 SOAK_KILL_SECONDS=8 SOAK_RESULTS=bench/results)
 *
 * Writes soak.svg and soak.json, and ends with 1 where anything is missing. Starts the tests' stand (root on Debian or Ubuntu).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, staticToken } from '../src/sdk/index.ts'
import { createCloud } from '../test/servers/nova/cloud.ts'
import { seed } from '../test/servers/nova/servers.ts'
import { residentMiB } from './lib/child.ts'
import { startStand } from './lib/stand.ts'
import { startHosts } from './soak/hosts.ts'
import { createLedger } from './soak/ledger.ts'
import { startMortal } from './soak/mortal.ts'
import { renderPlot } from './soak/plot.ts'
import { startSenders } from './soak/senders.ts'

const SECONDS = Number(process.env['SOAK_MINUTES'] ?? 10) * 60
const EVENTS_PER_SECOND = Number(process.env['SOAK_EVENTS_PER_SECOND'] ?? 2000)
const KILL_SECONDS = Number(process.env['SOAK_KILL_SECONDS'] ?? 8)
const RESULTS = process.env['SOAK_RESULTS'] ?? join(import.meta.dirname, 'results')
const HOSTS = Array.from({ length: 20 }, (_, i) => `soak-${i + 1}`)
const SERVERS = 400
/** Of Nova's noauth2: what is soaked is delivery. */
const TOKEN = 'admin:admin'
/** For what is left when the load ends: longer than any wait between two tries. */
const SETTLE_SECONDS = 180

interface Sample {
  readonly second: number
  readonly accepted: number
  readonly delivered: number
  /** Null while novacast is not there. */
  readonly memoryMiB: number | null
}

type Mark = { readonly second: number; readonly name: 'novacast killed' | 'broker killed' }

async function main(): Promise<boolean> {
  await using left = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'novacast-soak-'))
  left.defer(() => rmSync(directory, { recursive: true, force: true }))
  const stand = await startStand()
  left.defer(() => stand.stop())
  const { mariadb } = await stand.client.use('mariadb')
  const broker = await stand.client.own('rabbitmq')
  left.defer(() => broker.remove())

  const cloud = await createCloud(mariadb, 'mysql')
  left.defer(() => cloud.close())
  await cloud.run('api', `UPDATE cell_mappings SET transport_url = '${broker.transportUrl()}' WHERE name <> 'cell0'`)
  const servers: string[] = []
  for (let i = 0; i < SERVERS; i++) servers.push(await seed(cloud, { row: { host: HOSTS[i % HOSTS.length] } }))
  const ledger = createLedger(SECONDS * EVENTS_PER_SECOND * 2)
  const hosts = startHosts(broker.url(), HOSTS, ledger.arrived)
  left.defer(() => hosts.stop())
  await hosts.joined
  const novacast = await startMortal(directory, { apiDatabase: cloud.apiUrl, transportUrl: broker.transportUrl() })
  left.defer(() => novacast.stop())
  const senders = startSenders({ url: novacast.url, token: TOKEN, servers, eventsPerSecond: EVENTS_PER_SECOND, ledger })

  const startMs = performance.now()
  const second = () => (performance.now() - startMs) / 1000
  const samples: Sample[] = []
  const marks: Mark[] = []
  const sample = () => {
    const { accepted, delivered } = ledger.totals
    samples.push({ second: second(), accepted, delivered, memoryMiB: memoryOf(novacast.pid) })
  }
  const sampler = setInterval(sample, 1000)
  left.defer(() => clearInterval(sampler))

  while (second() < SECONDS) {
    await sleep(KILL_SECONDS * (0.5 + Math.random()) * 1000)
    const isBroker = Math.random() < 0.4
    marks.push({ second: second(), name: isBroker ? 'broker killed' : 'novacast killed' })
    if (isBroker) {
      await broker.kill()
      await broker.start()
    } else await novacast.killAndStart()
  }
  await senders.stop()
  const loadEndedAt = second()
  for (const endsAt = second() + SETTLE_SECONDS; ledger.missing().length > 0 && second() < endsAt; ) await sleep(1000)
  sample()

  const client = createClient({ url: novacast.url, auth: staticToken(TOKEN) })
  left.defer(() => client.close())
  const fates = new Map<string, number>()
  for (const tag of ledger.missing()) {
    const fate = await fateOf(client, servers[tag % servers.length] ?? '', String(tag))
    fates.set(fate, (fates.get(fate) ?? 0) + 1)
  }
  const unaccounted = [...fates].reduce((sum, [fate, count]) => sum + (ACCOUNTED.test(fate) ? 0 : count), 0)
  const settled = samples.filter(({ second, memoryMiB }) => second > 30 && second < loadEndedAt && memoryMiB !== null)
  const summary = {
    ...{
      seconds: Math.round(loadEndedAt),
      eventsPerSecond: EVENTS_PER_SECOND,
      ...ledger.totals,
      fates: Object.fromEntries(fates),
    },
    ...{ unaccounted, answers: Object.fromEntries(senders.answers) },
    kills: Object.fromEntries(
      ['novacast killed', 'broker killed'].map((name) => [name, marks.filter((each) => each.name === name).length]),
    ),
    memoryMiB: {
      first: medianMemory(settled.slice(0, 30)),
      last: medianMemory(settled.slice(-30)),
      most: Math.max(...settled.map(({ memoryMiB }) => memoryMiB ?? 0)),
    },
  }
  console.log(JSON.stringify(summary, null, 2))
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, 'soak.json'), JSON.stringify({ summary, marks, samples }, null, 1))
  writeFileSync(join(RESULTS, 'soak.svg'), plot(samples, marks, summary))
  return unaccounted === 0 && ledger.totals.accepted > 0
}

/** What may have become of an event that did not arrive: its story says so, with the reason. */
const ACCOUNTED = /^(expired|superseded|failed)/

async function fateOf(client: ReturnType<typeof createClient>, server: string, tag: string): Promise<string> {
  for await (const { deliveries } of client.events.search({ server, tag }))
    return deliveries.map(({ state, last_error }) => `${state}: ${last_error ?? ''}`).join('; ') || 'no delivery'
  return 'not in the journal'
}

function memoryOf(pid: number | null): number | null {
  try {
    return pid === null ? null : residentMiB(pid)
  } catch {
    // It was killed just now.
    return null
  }
}

function medianMemory(samples: readonly Sample[]): number {
  const sorted = samples.map(({ memoryMiB }) => memoryMiB ?? 0).sort((one, other) => one - other)
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN)
}

function plot(
  samples: readonly Sample[],
  marks: readonly Mark[],
  { accepted, delivered, repeats }: Record<'accepted' | 'delivered' | 'repeats', number>,
): string {
  const rate = (of: (sample: Sample) => number) =>
    samples.map((sample, i) => {
      const before = samples[i - 1] ?? { ...sample, second: 0, accepted: 0, delivered: 0 }
      return Math.max((of(sample) - of(before as Sample)) / Math.max(sample.second - before.second, 0.1), 0)
    })
  return renderPlot({
    title: `${accepted.toLocaleString('en')} events accepted, ${delivered.toLocaleString('en')} delivered, ${repeats.toLocaleString('en')} repeats`,
    seconds: samples.map(({ second }) => second),
    marks: marks.map((mark) => ({ ...mark, color: mark.name === 'broker killed' ? '#d55e00' : '#0072b2' })),
    panels: [
      {
        title: 'events a second',
        curves: [
          { name: 'accepted', color: '#0072b2', values: rate(({ accepted }) => accepted) },
          { name: 'delivered', color: '#009e73', values: rate(({ delivered }) => delivered) },
        ],
      },
      {
        title: 'accepted and not delivered yet',
        curves: [{ name: 'events', color: '#d55e00', values: samples.map((each) => each.accepted - each.delivered) }],
      },
      {
        title: 'resident memory of novacast, MiB',
        curves: [{ name: 'MiB', color: '#cc79a7', values: samples.map(({ memoryMiB }) => memoryMiB) }],
      },
    ],
  })
}

process.exitCode = (await main()) ? 0 : 1
