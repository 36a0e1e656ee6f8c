import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createStreamCaster } from '../../src/cast/stream/create-stream-caster.ts'
import type { ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { decided, openJournal } from '../journal/journal-file.ts'
import { follow } from './agent.ts'
import { createScriptedCaster, on, QUICK, setStage, until } from './stage.ts'

const HOSTS = 10_000
const hostOf = (i: number) => `h${i % HOSTS}`
/** One on each host: what is kept of a server is not kept for each of its events. */
const SERVERS = Array.from({ length: HOSTS }, () => randomUUID() as ServerId)

/** Counts what is asked of a journal, besides whether others left something behind. */
function counted(journal: Journal): { readonly journal: Journal; readonly calls: string[] } {
  const calls: string[] = []
  const count = <Args extends readonly unknown[], Answer>(name: string, call: (...args: Args) => Answer) => {
    return (...args: Args) => {
      calls.push(name)
      return call(...args)
    }
  }
  const counting: Journal = {
    ...journal,
    open: count('open', journal.open),
    awaited: count('awaited', journal.awaited),
    outdated: count('outdated', journal.outdated),
    record: count('record', journal.record),
    locate: count('locate', journal.locate),
  }
  return { journal: counting, calls }
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

async function postAll(post: (events: readonly DecidedEvent[]) => Promise<unknown>, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1000)
    await post(
      Array.from({ length: 1000 }, (_, j) => decided([hostOf(i + j)], { serverId: SERVERS[(i + j) % HOSTS] as ServerId })),
    )
}

describe('ten thousand hosts with deliveries waiting', () => {
  it('cost neither work nor, however much waits, memory while no agent follows them', async () => {
    const { journal, calls } = counted(await openJournal())
    const happenings = createHappenings()
    const config = { ...QUICK, heartbeatMs: 15_000, sweepMs: 30_000 }
    const caster = createStreamCaster({ journal, happenings, metrics: createMetrics(), config })
    const { post } = await setStage({ journal, caster, happenings, config })
    await postAll(post, 0, HOSTS)
    const before = heapUsed()
    calls.length = 0
    await postAll(post, HOSTS, 10 * HOSTS)
    expect(heapUsed() - before).toBeLessThan(4 * 2 ** 20)
    await sleep(1500)
    expect(calls).toEqual([])
    // And one that comes gets its own, at its own cost.
    const agent = follow(caster, 'h7')
    await until(() => agent.ids.length === 10)
    expect(calls.length).toBeLessThan(5)
  }, 120_000)

  // Fewer: each of them is tried several times.
  const TRIED = 2000
  it('are tried each in its time while none can be reached, with few questions and nothing written', async () => {
    const { journal, calls } = counted(await openJournal())
    const caster = createScriptedCaster()
    caster.script = () => ({ kind: 'away', reason: 'the broker is away' })
    const retry = { firstMs: 1500, mostMs: 30_000 }
    const { post, servers } = await setStage({ journal, caster, config: { retry, sweepMs: 60_000 } })
    const events = Array.from({ length: TRIED }, (_, i) => decided([hostOf(i)]))
    for (const { event, outcome } of events)
      if (outcome.kind === 'accepted') servers.places.set(event.serverId, on(...outcome.destinations.map(({ host }) => host)))
    for (let i = 0; i < TRIED; i += 1000) await post(events.slice(i, i + 1000))
    await until(() => calls.includes('record'))
    await sleep(200)
    calls.length = 0
    const casts = caster.casts.length
    await until(() => calls.length >= TRIED, 60_000)
    expect(new Set(calls)).toEqual(new Set(['open']))
    expect(caster.casts.length - casts).toBeLessThanOrEqual(calls.length)
    caster.script = () => ({ kind: 'taken' })
    caster.reachable(null)
    await until(async () => (await journal.hosts(null, 1)).length === 0, 60_000)
  }, 120_000)
})
