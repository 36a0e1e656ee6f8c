import { describe, expect, it } from 'vitest'
import type { CellId, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { createRegistry } from '../../src/servers/registry/registry.ts'
import { decided, hostName, newServerId, openJournal } from '../journal/journal-file.ts'
import {
  createScriptedCaster,
  on,
  reborn,
  type ScriptedCaster,
  type Stage,
  scriptedStage,
  setStage,
  statesOf,
  until as untilWithin,
} from './stage.ts'

const C1 = 'c1' as CellId
/** For what takes milliseconds where nothing else runs. */
const until = (holds: () => boolean | Promise<boolean>) => untilWithin(holds, 60_000)
const QUICKLY = { parkPace: { firstMs: 20, mostMs: 100 } }

const parked = (serverId: ServerId, ms = 3_600_000): DecidedEvent => ({
  ...decided([], { serverId }),
  outcome: { kind: 'parked', code: 422, untilUs: (Date.now() + ms) * 1000 },
})
const castIds = ({ caster }: Stage<ScriptedCaster>) =>
  caster.casts.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId))
const stateOf = async (journal: Journal, { id }: DecidedEvent) => (await journal.event(id))?.deferral?.state

describe('a parked event, where servers must be asked for', () => {
  it('is delivered once its server has a host, and what is accepted for it meanwhile comes behind it', async () => {
    const stage = await scriptedStage(QUICKLY)
    const { servers, journal, post } = stage
    const server = newServerId()
    servers.places.set(server, on())
    const [first, second] = [parked(server), parked(server)]
    await post([first])
    await post([second])
    await until(() => servers.asked > 2)
    expect(castIds(stage)).toEqual([])
    servers.places.set(server, on('h1'))
    const third = decided(['h1'], { serverId: server })
    await post([third])
    await until(async () => (await statesOf(journal, [first, second, third])).join() === Array(3).fill('h1 dispatched').join())
    expect(castIds(stage)).toEqual([first.id, second.id, third.id])
    expect(await stateOf(journal, first)).toBe('located')
  })

  it('is not overtaken on the next host of its server, where the first could not be reached', async () => {
    const stage = await scriptedStage(QUICKLY)
    const { servers, journal, caster, post } = stage
    caster.script = ({ host }) => (host === 'h1' ? { kind: 'returned', reason: 'no queue' } : { kind: 'taken' })
    const server = newServerId()
    servers.places.set(server, on())
    const first = parked(server)
    await post([first])
    servers.places.set(server, on('h1'))
    await until(() => caster.casts.length > 0)
    servers.places.set(server, on('h2'))
    const second = decided(['h2'], { serverId: server })
    await post([second])
    await until(async () => (await statesOf(journal, [first, second])).filter((state) => state === 'h2 dispatched').length === 2)
    const there = caster.casts.filter(({ host }) => host === 'h2')
    expect(there.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId))).toEqual([first.id, second.id])
  })

  it('is delivered without another event that tells of the host', async () => {
    const stage = await scriptedStage(QUICKLY)
    const { servers, journal, post } = stage
    const event = parked(newServerId())
    servers.places.set(event.event.serverId, on())
    await post([event])
    servers.places.set(event.event.serverId, on('h1', 'h2'))
    await until(async () => [...(await statesOf(journal, [event]))].sort().join() === 'h1 dispatched,h2 dispatched')
  })

  it('expires when its time is over, and is refused when its server is gone', async () => {
    const { servers, journal, post } = await scriptedStage(QUICKLY)
    const [late, gone] = [parked(newServerId(), 200), parked(newServerId())]
    servers.places.set(late.event.serverId, on())
    await post([late, gone])
    await until(async () => (await stateOf(journal, late)) === 'expired')
    await until(async () => (await stateOf(journal, gone)) === 'refused')
    expect((await journal.event(gone.id))?.deferral?.reason).toBe('unknown server')
  })

  it('waits on while its cell cannot be asked', async () => {
    const { servers, journal, post } = await scriptedStage(QUICKLY)
    const event = parked(newServerId())
    servers.places.set(event.event.serverId, { kind: 'unlocated', cell: C1, reason: 'connection refused' })
    await post([event])
    await until(() => servers.asked > 2)
    expect(await stateOf(journal, event)).toBe('parked')
    servers.places.set(event.event.serverId, on('h1'))
    await until(async () => (await statesOf(journal, [event])).join() === 'h1 dispatched')
  })

  it('is found by the next life', async () => {
    const journal = await openJournal()
    const first = await setStage({ journal, caster: createScriptedCaster(), config: QUICKLY })
    const [found, late] = [parked(newServerId()), parked(newServerId(), 300)]
    for (const { event } of [found, late]) first.servers.places.set(event.serverId, on())
    await first.post([found, late])
    await first.deliveries.close()
    first.servers.places.set(found.event.serverId, on('h1'))
    await setStage({ journal: reborn(journal), caster: createScriptedCaster(), servers: first.servers, config: QUICKLY })
    await until(async () => (await statesOf(journal, [found])).join() === 'h1 dispatched')
    await until(async () => (await stateOf(journal, late)) === 'expired')
  })

  it('is asked for with thousands of others at once', async () => {
    const { servers, journal, post } = await scriptedStage({ parkPace: { firstMs: 400, mostMs: 60_000 } })
    const events = Array.from({ length: 3000 }, () => parked(newServerId()))
    for (const { event } of events) servers.places.set(event.serverId, on())
    for (let i = 0; i < events.length; i += 1000) await post(events.slice(i, i + 1000))
    await until(() => servers.asked > 0)
    for (const { event } of events) servers.places.set(event.serverId, on('h1'))
    await until(async () => (await journal.parked(null, 1)).length === 0)
    // Jitter spreads the questions, and what is read to be cast is asked for again; without rounds there would be thousands.
    expect(servers.asked).toBeLessThan(300)
  })
})

describe('an event whose server turns out to be on no host', () => {
  it('is parked for what is left of its time', async () => {
    const { servers, journal, post } = await scriptedStage({ ...QUICKLY, parkMs: 3_600_000 })
    const deferred = (): DecidedEvent => ({
      ...decided([]),
      outcome: { kind: 'deferred', code: 200, cell: C1, reason: 'connection refused' },
    })
    const [fresh, old] = [deferred(), deferred()]
    for (const { event } of [fresh, old]) servers.places.set(event.serverId, on())
    await post([old], { receivedAtUs: (Date.now() - 3_601_000) * 1000 })
    await post([fresh])
    await until(async () => (await stateOf(journal, fresh)) === 'parked')
    await until(async () => (await stateOf(journal, old)) === 'refused')
    servers.places.set(fresh.event.serverId, on('h1'))
    await until(async () => (await statesOf(journal, [fresh])).join() === 'h1 dispatched')
  })
})

describe('a parked event, where moves are told', () => {
  it('is delivered at once when its server is registered on a host, and nobody asks meanwhile', async () => {
    const store = await openJournal()
    const registry = createRegistry(store.servers)
    let asked = 0
    const servers = {
      ...registry,
      places: new Map(),
      asked: 0,
      locate: (ids: readonly ServerId[]) => {
        asked++
        return registry.locate(ids)
      },
    }
    const { post, caster } = await setStage({ journal: store, caster: createScriptedCaster(), servers, config: QUICKLY })
    const [event, late] = [parked(newServerId()), parked(newServerId(), 200)]
    const put = (serverId: ServerId, host: string | null) =>
      registry.put({ uuid: serverId, host: host === null ? null : hostName(host), movingTo: null, projectId: null, name: null })
    await put(event.event.serverId, null)
    await post([event, late])
    await until(async () => (await stateOf(store, late)) === 'expired')
    expect([asked, caster.casts.length]).toEqual([0, 0])
    await put(event.event.serverId, 'h1')
    await until(async () => (await statesOf(store, [event])).join() === 'h1 dispatched')
  })
})
