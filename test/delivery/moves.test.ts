import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CastResult } from '../../src/cast/cast.ts'
import { createStreamCaster } from '../../src/cast/stream/create-stream-caster.ts'
import type { StreamCaster } from '../../src/cast/stream/stream-caster.ts'
import { decide } from '../../src/events/decide.ts'
import type { EventId, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, EventRecord, Journal } from '../../src/journal/journal.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { createRegistry, type Registry } from '../../src/servers/registry/registry.ts'
import { decided, hostName, newServerId, openJournal } from '../journal/journal-file.ts'
import { type Agent, follow } from './agent.ts'
import { createScriptedCaster, createServerMap, on, QUICK, reborn, type Stage, setStage, statesOf, until } from './stage.ts'

const HOUR_US = 3_600_000_000
const RUNS = 25
/** For what takes milliseconds where nothing else runs. */
const PATIENCE_MS = 60_000
let runs = 0

/** An event of this server as the API would decide it now; kept for an hour where the server has no host. */
async function decideNow(registry: Pick<Registry, 'locate'>, serverId: ServerId): Promise<DecidedEvent> {
  const { id, event } = decided([], { serverId })
  const whereabouts = (await registry.locate([serverId])).get(serverId) ?? { kind: 'unknown' }
  return { id, event, outcome: decide(event, whereabouts, Date.now() * 1000 + HOUR_US) }
}

/** Every event that has an end that needs no telling: somebody had it, or its story says why nobody did. */
function isAccountedFor({ code, deferral, deliveries }: EventRecord): boolean {
  const gone = 'the server is on no host any more'
  if (deliveries.some(({ state }) => state === 'acknowledged' || (state === 'dispatched' && deliveries.length > 0))) return true
  if (deliveries.some(({ state, lastError }) => state === 'failed' && lastError === gone)) return true
  return code === 404 || deferral?.state === 'refused'
}

/** The ids of one server's events among these, in their order. */
function ofServer(records: readonly EventRecord[], serverId: ServerId): readonly EventId[] {
  return records.filter(({ event }) => event.serverId === serverId).map(({ id }) => id)
}

describe('servers that are registered elsewhere while events wait', () => {
  type Step =
    | { readonly kind: 'post'; readonly servers: readonly number[] }
    | { readonly kind: 'put'; readonly server: number; readonly host: number | null; readonly movingTo: number | null }
    | { readonly kind: 'connect' | 'disconnect' | 'ack'; readonly host: number }
    | { readonly kind: 'pause'; readonly ms: number }
    | { readonly kind: 'restart' }
  const host = fc.nat(2)
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('post'), servers: fc.array(fc.nat(1), { minLength: 1, maxLength: 3 }) }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('put'),
        server: fc.nat(1),
        host: fc.option(host, { freq: 5 }),
        movingTo: fc.option(host, { freq: 2 }),
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('connect', 'disconnect', 'ack'), host }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause'), ms: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  )
  const config = { ...QUICK, window: 3, ackTimeoutMs: 100, heartbeatMs: 15_000 }

  it('get every event on some host, or its story says why not; no event of a server is seen before an earlier one', async () => {
    const journal = await openJournal()
    const registry = createRegistry(journal.servers)
    const servers = { ...registry, places: new Map(), asked: 0 }
    const begin = async (): Promise<Stage<StreamCaster>> => {
      const happenings = createHappenings()
      const caster = createStreamCaster({ journal, happenings, metrics: createMetrics(), config })
      return setStage({ journal: reborn(journal), caster, servers, happenings, config })
    }
    const run = async (steps: readonly Step[]) => {
      const prefix = `run-${runs++}`
      const nameOf = (index: number) => `${prefix}-h${index}`
      const uuids = [newServerId(), newServerId()]
      const put = (server: number, host: number | null, movingTo: number | null = null) =>
        registry.put({
          ...{ uuid: uuids[server] as ServerId, projectId: null, name: null },
          host: host === null ? null : hostName(nameOf(host)),
          movingTo: movingTo === null ? null : hostName(nameOf(movingTo)),
        })
      const agents = new Map<number, Agent>()
      /** In the order in which agents saw them, of all hosts. */
      const seen: string[] = []
      const look = () => {
        for (const agent of agents.values()) for (const id of agent.ids) if (!seen.includes(id)) seen.push(id)
      }
      for (const server of [0, 1]) await put(server, server)
      let stage = await begin()
      const connect = (at: number) => {
        look()
        // As it comes: of two hosts that got something since the last look nobody knows which was first.
        agents.set(at, follow(stage.caster, nameOf(at), null, look))
      }
      const stop = async () => {
        look()
        await stage.deliveries.close()
        await stage.caster.close()
      }
      // What comes at the same time goes on at the same time.
      const underWay: Promise<unknown>[] = []
      for (const each of steps) {
        look()
        switch (each.kind) {
          case 'post':
            underWay.push(
              Promise.all(each.servers.map((server) => decideNow(registry, uuids[server] as ServerId))).then(stage.post),
            )
            break
          case 'put':
            underWay.push(put(each.server, each.host, each.movingTo))
            break
          case 'connect':
            connect(each.host)
            break
          case 'disconnect':
            agents.get(each.host)?.disconnect()
            break
          case 'ack': {
            const agent = agents.get(each.host)
            if (agent !== undefined) underWay.push(agent.ack(...agent.ids.slice(-4)))
            break
          }
          case 'pause':
            await sleep(each.ms)
            break
          case 'restart':
            await Promise.all(underWay.splice(0))
            await stop()
            stage = await begin()
        }
      }
      await Promise.all(underWay)
      for (const server of [0, 1]) await put(server, 2)
      for (const index of [0, 1, 2]) connect(index)
      const storiesOf = async (serverId: ServerId) => journal.search({ serverId, order: 'oldest', limit: 1000 })
      await until(async () => {
        look()
        for (const agent of agents.values()) await agent.ack(...agent.ids)
        const stories = await Promise.all(uuids.map(storiesOf))
        return stories.flat().every(isAccountedFor)
      }, 60_000)
      await stop()
      for (const serverId of uuids) {
        const accepted = ofServer(await storiesOf(serverId), serverId)
        const met = seen.filter((id) => accepted.includes(id as EventId))
        expect(met).toEqual(accepted.filter((id) => met.includes(id)))
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), run), { numRuns: RUNS })
  }, 240_000)

  it('keep the order of a server that is back before the journal has it that it had left', async () => {
    const sound = await openJournal()
    const gate = Promise.withResolvers<void>()
    let moves = 0
    const journal: Journal = {
      ...sound,
      record: async (steps) => {
        if (steps.some(({ kind }) => kind === 'moved') && ++moves === 1) await gate.promise
        return sound.record(steps)
      },
    }
    const { caster, servers, post } = await setStage({ journal, caster: createScriptedCaster() })
    let isAway = true
    caster.script = () => (isAway ? { kind: 'returned', reason: 'no queue' } : { kind: 'taken' })
    const old = decided(['h1'])
    const { serverId } = old.event
    servers.places.set(serverId, on('h1'))
    await post([old])
    servers.places.set(serverId, on('h2'))
    await until(() => moves === 1)
    servers.places.set(serverId, on('h1'))
    isAway = false
    const before = caster.casts.length
    const [next, other] = [decided(['h1'], { serverId }), decided(['h1'])]
    servers.places.set(other.event.serverId, on('h1'))
    await post([next])
    await post([other])
    // The host has had its turn meanwhile.
    await until(async () => (await statesOf(journal, [other])).join() === 'h1 dispatched')
    gate.resolve()
    const arrived = () => caster.casts.slice(before).flatMap(({ host, deliveries }) => (host === 'h1' ? deliveries : []))
    await until(() => arrived().length >= 3)
    const ofServer = arrived().filter(({ event }) => event.serverId === serverId)
    expect(ofServer.map(({ eventId }) => eventId)).toEqual([old.id, next.id])
  })

  it('keep the order of a move in which the old host is away and events come for the new one at once', async () => {
    const journal = await openJournal()
    const registry = createRegistry(journal.servers)
    const patient = { ...QUICK, heartbeatMs: 15_000 }
    const caster = createStreamCaster({ journal, happenings: createHappenings(), metrics: createMetrics(), config: patient })
    onTestFinished(() => caster.close())
    const { post } = await setStage({ journal, caster, servers: { ...registry, places: new Map(), asked: 0 }, config: patient })
    const uuid = newServerId()
    const put = (host: string | null, movingTo: string | null = null) =>
      registry.put({
        ...{ uuid, projectId: null, name: null, host: host === null ? null : hostName(host) },
        movingTo: movingTo === null ? null : hostName(movingTo),
      })
    await put('old')
    const next = async () => {
      const event = await decideNow(registry, uuid)
      await post([event])
      return event
    }
    const agent = follow(caster, 'new')
    const [first, second] = [await next(), await next()]
    const moved = put('new')
    // Decided while the server is still on the old host, and committed after it has left it.
    const racing = next()
    await moved
    const events = [first, second, await racing, await next()]
    await until(() => agent.ids.length === 4, PATIENCE_MS)
    expect(agent.ids).toEqual(events.map(({ id }) => id))
    await until(async () => (await statesOf(journal, [first])).join() === 'new dispatched,old superseded', PATIENCE_MS)
    await agent.ack(...agent.ids)
    await put('old', 'new')
    const both = await next()
    await until(() => agent.ids.includes(both.id), PATIENCE_MS)
    await until(async () => (await statesOf(journal, [both])).join() === 'new dispatched,old pending', PATIENCE_MS)
    await put(null)
    await until(async () => (await statesOf(journal, [both])).join() === 'new failed,old failed', PATIENCE_MS)
    expect((await journal.event(both.id))?.deliveries[0]?.lastError).toBe('the server is on no host any more')
    await put('old')
    const last = await next()
    await registry.remove(uuid)
    await until(async () => (await statesOf(journal, [last])).join() === 'old failed', PATIENCE_MS)
    expect((await journal.event(last.id))?.deliveries[0]?.lastError).toBe('the server is not known any more')
  })
})

describe("servers of Nova's that move while events wait", () => {
  it('keep the order where two requests that came together went to different hosts', async () => {
    const caster = createScriptedCaster()
    caster.script = ({ host }) => (host === 'h1' ? { kind: 'returned', reason: 'no queue' } : { kind: 'taken' })
    const { servers, journal, post } = await setStage({ journal: await openJournal(), caster })
    const serverId = newServerId()
    servers.places.set(serverId, on('h2'))
    const [before, meanwhile, after] = [
      decided(['h1'], { serverId }),
      decided(['h2'], { serverId }),
      decided(['h2'], { serverId }),
    ]
    await Promise.all([post([before]), post([meanwhile])])
    await post([after])
    const isThere = (state: string) => state === 'h2 dispatched'
    await until(async () => (await statesOf(journal, [before, meanwhile, after])).filter(isThere).length === 3, PATIENCE_MS)
    const there = caster.casts
      .filter(({ host }) => host === 'h2')
      .flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId))
    expect(there.indexOf(before.id)).toBeLessThan(there.indexOf(after.id))
  })

  type Step =
    | { readonly kind: 'post'; readonly servers: readonly number[] }
    | { readonly kind: 'move'; readonly server: number; readonly hosts: readonly number[] }
    | { readonly kind: 'weather'; readonly away: readonly number[] }
    | { readonly kind: 'pause'; readonly ms: number }
    | { readonly kind: 'restart' }
  const hosts = fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 2 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('post'), servers: fc.array(fc.nat(1), { minLength: 1, maxLength: 3 }) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('move'), server: fc.nat(1), hosts }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('weather'), away: fc.uniqueArray(fc.nat(2), { maxLength: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause'), ms: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  )

  it('get every event, none before an earlier one of the same server', async () => {
    const journal = await openJournal()
    const run = async (steps: readonly Step[]) => {
      const prefix = `nova-${runs++}`
      const nameOf = (index: number) => `${prefix}-h${index}`
      const uuids = [newServerId(), newServerId()]
      const servers = createServerMap()
      for (const [index, uuid] of uuids.entries()) servers.places.set(uuid, on(nameOf(index)))
      const caster = createScriptedCaster()
      let away: readonly number[] = []
      const taken: string[] = []
      caster.script = ({ host, deliveries }): CastResult => {
        if (away.some((index) => host === nameOf(index))) return { kind: 'returned', reason: 'no queue' }
        for (const { eventId } of deliveries) if (!taken.includes(eventId)) taken.push(eventId)
        return { kind: 'taken' }
      }
      const begin = () => setStage({ journal: reborn(journal), caster, servers, config: { window: 4 } })
      const accepted: DecidedEvent[] = []
      let stage = await begin()
      for (const each of steps) {
        if (each.kind === 'post') {
          const events = await Promise.all(each.servers.map((server) => decideNow(servers, uuids[server] as ServerId)))
          accepted.push(...events)
          await stage.post(events)
        } else if (each.kind === 'move') servers.places.set(uuids[each.server] as ServerId, on(...each.hosts.map(nameOf)))
        else if (each.kind === 'weather') away = each.away
        else if (each.kind === 'pause') await sleep(each.ms)
        else {
          await stage.deliveries.close()
          stage = await begin()
        }
      }
      away = []
      caster.reachable(null)
      await until(async () => (await statesOf(journal, accepted)).every((state) => !state.endsWith('pending')), 60_000)
      await stage.deliveries.close()
      for (const uuid of uuids) {
        const ids = accepted.filter(({ event }) => event.serverId === uuid).map(({ id }) => id as string)
        expect(taken.filter((id) => ids.includes(id))).toEqual(ids)
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), run), { numRuns: RUNS })
  }, 240_000)
})
