import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CastResult } from '../../src/cast/cast.ts'
import { createStreamCaster } from '../../src/cast/stream/create-stream-caster.ts'
import type { StreamCaster } from '../../src/cast/stream/stream-caster.ts'
import type { ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { decided, hostName, newServerId, openJournal } from '../journal/journal-file.ts'
import { type Agent, follow } from './agent.ts'
import { createScriptedCaster, createServerMap, on, QUICK, reborn, type Stage, setStage, until } from './stage.ts'

const RUNS = 40
let hosts = 0

/** The ids of each server's events, in this order. */
function byServer(events: readonly DecidedEvent[], ids: readonly string[]): ReadonlyMap<ServerId, readonly string[]> {
  const serverOf = new Map<string, ServerId>(events.map(({ id, event }) => [id, event.serverId]))
  return Map.groupBy(ids, (id) => serverOf.get(id) as ServerId)
}

async function nothingIsOpen(journal: Journal, host: string): Promise<boolean> {
  const state = await journal.host(hostName(host))
  return state === null || state.pending + state.dispatched === 0
}

describe('a host agent', () => {
  type Step =
    | { readonly kind: 'accept'; readonly servers: readonly number[] }
    | { readonly kind: 'ack'; readonly mask: number }
    | { readonly kind: 'disconnect' | 'connect' | 'resume' | 'restart' | 'fill' | 'drain' }
    | { readonly kind: 'pause'; readonly ms: number }
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('accept'), servers: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ack'), mask: fc.nat(255) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('disconnect', 'connect', 'resume', 'fill', 'drain') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pause'), ms: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  )
  const config = { ...QUICK, window: 3, ackTimeoutMs: 50, heartbeatMs: 15_000 }

  it('sees every event, those of each server in the order of their acceptance, whatever happens', async () => {
    const journal = await openJournal()
    const begin = async (): Promise<Stage<StreamCaster>> => {
      const happenings = createHappenings()
      const caster = createStreamCaster({ journal, happenings, metrics: createMetrics(), config })
      return setStage({ journal: reborn(journal), caster, happenings, config })
    }
    const run = async (steps: readonly Step[]) => {
      const host = `agent-${hosts++}`
      const servers = [newServerId(), newServerId(), newServerId()]
      const accepted: DecidedEvent[] = []
      const agents: Agent[] = []
      let stage = await begin()
      const last = () => agents.at(-1)
      const connect = (lastEventId: string | null = null) => void agents.push(follow(stage.caster, host, lastEventId))
      const stop = async () => {
        await stage.deliveries.close()
        await stage.caster.close()
      }
      for (const each of steps) {
        if (each.kind === 'accept') {
          const events = each.servers.map((i) => decided([host], { serverId: servers[i] as ServerId }))
          accepted.push(...events)
          await stage.post(events)
        } else if (each.kind === 'ack') {
          const ids = (last()?.ids ?? []).slice(-8).filter((_, i) => each.mask & (1 << i))
          await last()?.ack(...ids)
        } else if (each.kind === 'disconnect') last()?.disconnect()
        else if (each.kind === 'connect') connect()
        else if (each.kind === 'resume') connect(agents.findLast(({ ids }) => ids.length > 0)?.ids.at(-1) ?? null)
        else if (each.kind === 'fill') agents.push(Object.assign(agents.pop() ?? follow(stage.caster, host), { isFull: true }))
        else if (each.kind === 'drain') last()?.drain()
        else if (each.kind === 'pause') await sleep(each.ms)
        else {
          await stop()
          stage = await begin()
        }
      }
      connect()
      await until(async () => {
        await last()?.ack(...(last()?.ids ?? []))
        return nothingIsOpen(journal, host)
      }, 60_000)
      await stop()
      const firstSeen = [...new Set(agents.flatMap(({ ids }) => ids))]
      expect(byServer(accepted, firstSeen)).toEqual(
        new Map(
          [...byServer(accepted, firstSeen).keys()].map((server) => [
            server,
            accepted.filter(({ event }) => event.serverId === server).map(({ id }) => id),
          ]),
        ),
      )
      expect(firstSeen.length).toBe(accepted.length)
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), run), { numRuns: RUNS })
  }, 240_000)
})

describe('a host behind a broker', () => {
  type Step =
    | { readonly kind: 'accept'; readonly servers: readonly number[] }
    | { readonly kind: 'weather'; readonly results: readonly ('taken' | 'away' | 'returned')[]; readonly delayMs: number }
    | { readonly kind: 'reachable' | 'restart' }
    | { readonly kind: 'pause'; readonly ms: number }
  const results = fc.array(fc.constantFrom('taken', 'away', 'returned'), { minLength: 1, maxLength: 6 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('accept'), servers: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('weather'), results, delayMs: fc.nat(10) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause'), ms: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('reachable', 'restart') }) },
  )

  it('gets every event, and the last of each server in the order of their acceptance, whatever happens', async () => {
    const journal = await openJournal()
    const run = async (steps: readonly Step[]) => {
      const host = `broker-${hosts++}`
      const servers = [newServerId(), newServerId(), newServerId()]
      const places = createServerMap()
      for (const server of servers) places.places.set(server, on(host))
      const caster = createScriptedCaster()
      const begin = () => setStage({ journal: reborn(journal), caster, servers: places, config: { window: 5 } })
      const accepted: DecidedEvent[] = []
      let stage = await begin()
      for (const each of steps) {
        if (each.kind === 'accept') {
          const events = each.servers.map((i) => decided([host], { serverId: servers[i] as ServerId }))
          accepted.push(...events)
          await stage.post(events)
        } else if (each.kind === 'weather') {
          let casts = 0
          caster.script = async (): Promise<CastResult> => {
            const kind = each.results[casts++ % each.results.length] as 'taken' | 'away' | 'returned'
            // Later ones may come back earlier.
            await sleep((each.delayMs * (casts % 3)) / 2)
            return kind === 'taken' ? { kind } : { kind, reason: kind }
          }
        } else if (each.kind === 'reachable') caster.reachable(host)
        else if (each.kind === 'pause') await sleep(each.ms)
        else {
          await stage.deliveries.close()
          stage = await begin()
        }
      }
      caster.script = () => ({ kind: 'taken' })
      caster.reachable(null)
      await until(() => nothingIsOpen(journal, host), 60_000)
      await stage.deliveries.close()
      const casts = caster.casts.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId as string))
      const lastCast = casts.filter((id, i) => casts.lastIndexOf(id) === i)
      for (const ids of [lastCast, [...new Set(casts)]])
        for (const [server, seen] of byServer(accepted, ids))
          expect(seen).toEqual(accepted.filter(({ event }) => event.serverId === server).map(({ id }) => id))
      expect(lastCast.length).toBe(accepted.length)
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), run), { numRuns: RUNS })
  }, 240_000)
})
