import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { CastResult } from '../../src/cast/cast.ts'
import type { ServerId } from '../../src/events/event.ts'
import type { EventName } from '../../src/events/names.ts'
import { decided, newServerId, openJournal } from '../journal/journal-file.ts'
import { follow } from './agent.ts'
import {
  createScriptedCaster,
  createServerMap,
  on,
  reborn,
  scriptedStage,
  setStage,
  statesOf,
  streamStage,
  until,
} from './stage.ts'

const away: CastResult = { kind: 'away', reason: 'the broker is away' }
const taken: CastResult = { kind: 'taken' }
const of = (serverId: ServerId, name: EventName, tag: string | null = 'port') => decided(['h1'], { serverId, name, tag })
const storm = (count: number) => Array.from({ length: count }, () => of(newServerId(), 'network-changed'))
const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id)

describe('what somebody waits for', () => {
  it('goes before a storm that fills the window of its host, behind what is about its own server', async () => {
    const { journal, caster, post } = await streamStage({ window: 8 })
    const agent = follow(caster, 'h1')
    const server = newServerId()
    await post(storm(600))
    await until(() => agent.ids.length === 8)
    const own = [of(server, 'network-changed'), of(server, 'network-vif-deleted')]
    await post(own)
    await post(storm(20))
    const [plugged, later, other] = [
      of(server, 'network-vif-plugged'),
      of(server, 'network-vif-deleted'),
      of(newServerId(), 'volume-reimaged'),
    ]
    await post([plugged, later])
    await post([other])
    await until(() => agent.ids.length === 12)
    // With nothing of its own server before it, it need not even be read.
    expect(agent.ids.filter((id) => id === other.id)).toHaveLength(1)
    expect(agent.ids.slice(8).filter((id) => id !== other.id)).toEqual(idsOf([...own, plugged]))
    // And the rest in its turn, each once.
    for (let acked = 0; acked < 600 + 20 + 5; ) {
      const fresh = agent.ids.slice(acked)
      await agent.ack(...fresh)
      acked += fresh.length
      await until(() => agent.ids.length > acked || acked === 625)
    }
    expect(new Set(agent.ids).size).toBe(625)
    expect(agent.ids.indexOf(later.id)).toBeGreaterThan(agent.ids.indexOf(plugged.id))
    expect(await journal.open('h1' as never, null, 1)).toEqual([])
  })

  it('goes first when a host is back, also in a new life of the process', async () => {
    const journal = await openJournal()
    const servers = createServerMap()
    const first = await setStage({ journal, caster: createScriptedCaster(), servers })
    first.caster.script = () => away
    const server = newServerId()
    const events = [...storm(700), of(server, 'network-vif-deleted'), of(server, 'network-vif-plugged'), ...storm(700)]
    for (const { event } of events) servers.places.set(event.serverId, on('h1'))
    for (let i = 0; i < events.length; i += 100) await first.post(events.slice(i, i + 100))
    await first.deliveries.close()
    const caster = createScriptedCaster()
    await setStage({ journal: reborn(journal), caster, servers })
    await until(async () => ((await journal.host('h1' as never))?.pending ?? 0) === 0, 30_000)
    const cast = caster.casts.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId))
    expect(new Set(cast).size).toBe(events.length)
    const places = idsOf(events.slice(700, 702)).map((id) => cast.indexOf(id as never))
    // Behind what left before the journal was asked for awaited events: a page and what it takes until that is answered.
    expect(Math.max(...places)).toBeLessThan(700)
    expect(places[0]).toBeLessThan(places[1] as number)
  })

  it('does not wait for casts to other hosts that nobody answers', async () => {
    const { caster, post } = await scriptedStage()
    caster.script = ({ host }) => (host === 'h1' ? taken : new Promise(() => {}))
    // A cast for each.
    for (let i = 0; i < 55; i++) await post(Array.from({ length: 100 }, (_, j) => decided([`dead-${j}`])))
    const before = caster.casts.length
    await post([of(newServerId(), 'network-vif-plugged')])
    expect(before).toBeLessThan(5000)
    expect(caster.casts.slice(before).map(({ host }) => host)).toEqual(['h1'])
  })
})

describe('events that say the same', () => {
  it('are cast once when their host is back: the newest stands for the others, which say so', async () => {
    const { caster, servers, journal, post } = await scriptedStage({ retry: { firstMs: 60_000, mostMs: 60_000 } })
    const [a, b] = [newServerId(), newServerId()]
    for (const server of [a, b]) servers.places.set(server, on('h1'))
    caster.script = () => away
    const [a1, a2, a3] = [of(a, 'network-changed'), of(a, 'network-changed'), of(a, 'network-changed')]
    const others = [of(a, 'network-changed', 'other port'), of(b, 'network-changed'), of(a, 'network-vif-deleted')]
    for (const event of [a1, ...others, a2, a3]) await post([event])
    caster.script = () => taken
    caster.reachable('h1')
    await until(async () => ((await journal.host('h1' as never))?.pending ?? 0) === 0)
    expect(await statesOf(journal, [a1, a2, a3, ...others])).toEqual([
      ...['h1 superseded', 'h1 superseded', 'h1 dispatched'],
      ...Array.from(others, () => 'h1 dispatched'),
    ])
    expect((await journal.event(a1.id))?.deliveries[0]?.lastError).toBe(`a newer event says the same: ${a3.id}`)
  })

  it('are merged while nobody hears of their host, however many there are', async () => {
    const { caster, journal, post } = await streamStage()
    const servers = [newServerId(), newServerId(), newServerId()]
    const events = Array.from({ length: 600 }, (_, i) => of(servers[i % 3] as ServerId, 'network-changed'))
    for (let i = 0; i < 600; i += 100) await post(events.slice(i, i + 100))
    await until(async () => (await journal.host('h1' as never))?.pending === 3, 30_000)
    const agent = follow(caster, 'h1')
    await until(() => agent.ids.length === 3)
    expect(agent.ids).toEqual(idsOf(events.slice(-3)))
  })

  it('all go out where they have left already', async () => {
    const { journal, caster, post } = await streamStage()
    const agent = follow(caster, 'h1')
    const server = newServerId()
    const events = Array.from({ length: 3 }, () => of(server, 'network-changed'))
    for (const [before, event] of events.entries()) {
      await post([event])
      await until(() => agent.ids.length === before + 1)
    }
    agent.disconnect()
    const last = events.at(-1)?.id as never
    await until(async () => (await journal.event(last))?.deliveries[0]?.lastError?.includes('lost') ?? false)
    const again = follow(caster, 'h1')
    await until(() => again.ids.length === 3)
    expect(again.ids).toEqual(idsOf(events))
  })
})

describe('a delivery that is not taken for its own sake', () => {
  it('ends as failed when a host that acknowledges others did not acknowledge it too often; what is behind it goes on', async () => {
    const { journal, caster, post } = await streamStage({ ackTimeoutMs: 500, maxAttempts: 3 })
    const agent = follow(caster, 'h1')
    const server = newServerId()
    const [poison, behind] = [of(server, 'network-changed'), of(server, 'network-vif-deleted')]
    await post([poison, behind])
    await until(async () => {
      const other = of(newServerId(), 'network-vif-deleted')
      await post([other])
      await agent.ack(other.id)
      await sleep(50)
      return (await statesOf(journal, [poison])).join() === 'h1 failed'
    })
    expect((await journal.event(poison.id))?.deliveries[0]).toMatchObject({
      ...{ attempts: 3, lastError: 'not acknowledged within 0.5 s, 3 times' },
      endedAtUs: expect.any(Number),
    })
    expect(agent.ids.filter((id) => id === poison.id)).toHaveLength(3)
    await agent.ack(behind.id)
    expect(await statesOf(journal, [behind])).toEqual(['h1 acknowledged'])
  })

  it('does not use up its tries while its host says nothing at all: its power may be gone', async () => {
    const { journal, caster, post } = await streamStage({ ackTimeoutMs: 100, maxAttempts: 2 })
    const [before, event] = [of(newServerId(), 'network-changed'), of(newServerId(), 'network-changed')]
    const agent = follow(caster, 'h1')
    await post([before])
    await agent.ack(before.id)
    await post([event])
    await until(() => agent.ids.filter((id) => id === event.id).length >= 6)
    await agent.ack(event.id)
    expect((await journal.event(event.id))?.deliveries[0]).toMatchObject({ state: 'acknowledged' })
  })

  it('does not use up its tries while its host is away', async () => {
    const { journal, caster, post } = await streamStage({ maxAttempts: 2 })
    const event = of(newServerId(), 'network-changed')
    await post([event])
    for (let i = 0; i < 4; i++) {
      const agent = follow(caster, 'h1')
      await until(() => agent.ids.length === 1)
      agent.disconnect()
    }
    const agent = follow(caster, 'h1')
    await until(() => agent.ids.length === 1)
    await agent.ack(event.id)
    expect((await journal.event(event.id))?.deliveries[0]).toMatchObject({ state: 'acknowledged', attempts: 5 })
  })

  it('is refused a few times and ends as failed; others of its server wait for that, nobody else does', async () => {
    const { caster, servers, journal, post } = await scriptedStage({ maxAttempts: 3 })
    const [a, b] = [newServerId(), newServerId()]
    for (const server of [a, b]) servers.places.set(server, on('h1'))
    const [poison, beside, behind, other] = [
      of(a, 'volume-extended'),
      of(b, 'volume-extended'),
      of(a, 'network-vif-deleted'),
      of(b, 'network-vif-deleted'),
    ]
    caster.script = ({ deliveries }) =>
      deliveries.some(({ eventId }) => eventId === poison.id) ? { kind: 'refused', reason: 'the row is too long' } : taken
    await post([poison, beside])
    await post([behind])
    await post([other])
    await until(async () => (await statesOf(journal, [poison])).join() === 'h1 failed')
    await until(async () => (await statesOf(journal, [beside, behind, other])).every((state) => state === 'h1 dispatched'))
    expect((await journal.event(poison.id))?.deliveries[0]).toMatchObject({ lastError: 'the row is too long, 3 times' })
    const last = caster.casts.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId as string))
    expect(last.lastIndexOf(behind.id)).toBeGreaterThan(last.lastIndexOf(poison.id))
    expect(last.lastIndexOf(other.id)).toBeGreaterThan(last.lastIndexOf(beside.id))
  })
})

describe('times to live', () => {
  it('are those that the operator says, by the name of the event', async () => {
    const { caster, servers, journal, post } = await scriptedStage({ ttlSeconds: { 'network-changed': 60 } })
    caster.script = () => away
    const [changed, deleted] = [of(newServerId(), 'network-changed'), of(newServerId(), 'network-vif-deleted')]
    for (const { event } of [changed, deleted]) servers.places.set(event.serverId, on('h1'))
    await post([changed, deleted], { receivedAtUs: (Date.now() - 61_000) * 1000 })
    await until(async () => (await statesOf(journal, [changed, deleted])).join() === 'h1 expired,h1 pending')
    expect((await journal.event(changed.id))?.deliveries[0]?.lastError).toBe('its time to live of 60 s was over')
  })
})
