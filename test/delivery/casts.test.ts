import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Cast, CastResult } from '../../src/cast/cast.ts'
import type { CellId, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent } from '../../src/journal/journal.ts'
import { decided, hostName, openJournal } from '../journal/journal-file.ts'
import { CONTEXT, createScriptedCaster, createServerMap, on, reborn, scriptedStage, setStage, statesOf, until } from './stage.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001' as ServerId
const B = 'bbbbbbbb-0000-4000-8000-000000000002' as ServerId
const away: CastResult = { kind: 'away', reason: 'the broker is away' }
const returned: CastResult = { kind: 'returned', reason: 'no queue' }
const taken: CastResult = { kind: 'taken' }

const idsOf = (casts: readonly Cast[]) => casts.map(({ deliveries }) => deliveries.map(({ eventId }) => eventId))
const of = (...events: readonly DecidedEvent[]) => events.map(({ id }) => id)

/** A cast result that is given later. */
function later() {
  let give: (result: CastResult) => void = () => {}
  const result = new Promise<CastResult>((resolve) => {
    give = resolve
  })
  return { result, give: (it: CastResult) => give(it) }
}

describe('what is accepted', () => {
  it('is cast at once: one cast per host and request, with all that is known', async () => {
    const { caster, servers, journal, post } = await scriptedStage()
    const cell = 'c1' as CellId
    const [first, second, both, refused] = [decided(['h1']), decided(['h2']), decided(['h1', 'h2']), decided([])]
    servers.places.set(first.event.serverId, on('h1'))
    const elsewhere: DecidedEvent = {
      ...decided(['h1']),
      outcome: { kind: 'accepted', code: 200, destinations: [{ host: hostName('h1'), cell }] },
    }
    const posted = await post([first, second, both, refused, elsewhere])
    expect(caster.casts.map(({ host, cell }) => [host, cell])).toEqual([
      ['h1', null],
      ['h2', null],
      ['h1', cell],
    ])
    expect(idsOf(caster.casts)).toEqual([of(first, both), of(second, both), of(elsewhere)])
    expect(caster.casts[0]).toMatchObject({ context: CONTEXT, instances: new Map() })
    expect(caster.casts[0]?.deliveries[0]).toMatchObject({ requestId: posted.requestId, sender: posted.sender, attempts: 0 })
    await until(async () => (await statesOf(journal, [both])).join() === 'h1 dispatched,h2 dispatched')
    expect(await journal.open(hostName('h1'), null, 10)).toEqual([])
    expect(servers.asked).toBe(0)
  })

  it('does not wait for casts before it, to the same host or another', async () => {
    const { caster, post } = await scriptedStage()
    caster.script = () => new Promise(() => {})
    for (let i = 0; i < 10; i++) await post([decided([`h${i % 2}`], { serverId: i % 2 === 0 ? A : B })])
    expect(caster.casts.length).toBe(10)
  })

  it('ends as failed where it can never be cast; the rest of the cast is taken', async () => {
    const { caster, journal, post } = await scriptedStage()
    caster.script = ({ deliveries }) => ({ kind: 'failed', failed: [{ delivery: deliveries[0], reason: 'no such power state' }] })
    const events = [decided(['h1']), decided(['h1'])]
    await post(events)
    await until(async () => (await statesOf(journal, events)).join() === 'h1 failed,h1 dispatched')
    expect((await journal.event(events[0]?.id as never))?.deliveries[0]?.lastError).toBe('no such power state')
  })
})

describe('a host that cannot be reached', () => {
  it('gets all in order once it can, and nobody else waits for it', async () => {
    const { caster, servers, journal, post } = await scriptedStage()
    let isAway = true
    caster.script = ({ host }) => (isAway && host === 'h1' ? returned : taken)
    for (const server of [A, B]) servers.places.set(server, on('h1'))
    const events = Array.from({ length: 40 }, (_, i) => decided(['h1'], { serverId: i % 2 === 0 ? A : B }))
    const other = decided(['h2'])
    for (const event of events) await post([event])
    await post([other])
    await until(async () => (await statesOf(journal, [other])).join() === 'h2 dispatched')
    expect((await journal.event(events[0]?.id as never))?.deliveries[0]).toMatchObject({
      state: 'pending',
      lastError: 'no queue',
    })
    isAway = false
    await until(async () => (await statesOf(journal, events)).every((state) => state === 'h1 dispatched'))
    const ofH1 = idsOf(caster.casts.filter(({ host }) => host === 'h1')).flat()
    expect(ofH1.slice(-40)).toEqual(of(...events))
    expect(caster.casts.at(-1)?.context).toBeNull()
  })

  it('is tried again at once when it may be reachable', async () => {
    const { caster, servers, journal, post } = await scriptedStage({ retry: { firstMs: 60_000, mostMs: 60_000 } })
    caster.script = () => away
    const events = ['h1', 'h2'].map((host) => decided([host]))
    for (const { event } of events) servers.places.set(event.serverId, on('h1', 'h2'))
    await post(events)
    await sleep(50)
    caster.script = () => taken
    caster.reachable('h1')
    await until(async () => (await statesOf(journal, events)).join() === 'h1 dispatched,h2 pending')
    caster.reachable(null)
    await until(async () => (await statesOf(journal, events)).join() === 'h1 dispatched,h2 dispatched')
  })

  it('has the reason of its trouble written once, however often it is tried', async () => {
    const { caster, servers, journal, happenings, post } = await scriptedStage()
    caster.script = () => away
    let returns = 0
    happenings.watch((happening) => {
      if (happening.kind === 'returned') returns += happening.eventIds.length
    })
    const event = decided(['h1'])
    servers.places.set(event.event.serverId, on('h1'))
    await post([event])
    // Watchers are told behind the journal's answer: a reader of the journal may be ahead of them.
    await until(() => returns > 0)
    const tried = caster.casts.length
    await until(() => caster.casts.length > tried + 2)
    expect(returns).toBe(1)
    caster.script = () => returned
    await until(() => returns > 1)
    expect((await journal.event(event.id))?.deliveries[0]?.lastError).toBe('no queue')
    const triedSince = caster.casts.length
    await until(() => caster.casts.length > triedSince + 2)
    expect(returns).toBe(2)
  })
})

describe('the order of a server', () => {
  it('holds when a cast fails and those behind it were taken: they go out again behind it', async () => {
    const { caster, servers, journal, post } = await scriptedStage()
    servers.places.set(A, on('h1'))
    servers.places.set(B, on('h1'))
    const [a1, a2, b1] = [decided(['h1'], { serverId: A }), decided(['h1'], { serverId: A }), decided(['h1'], { serverId: B })]
    const first = later()
    const results = [first.result, taken, taken]
    caster.script = () => results.shift() ?? taken
    for (const event of [a1, a2, b1]) await post([event])
    await sleep(30)
    expect(await statesOf(journal, [a1, a2, b1])).toEqual(['h1 pending', 'h1 pending', 'h1 pending'])
    first.give(away)
    await until(async () => (await statesOf(journal, [a1, a2])).every((state) => state === 'h1 dispatched'))
    expect(idsOf(caster.casts).flat()).toEqual(of(a1, a2, b1, a1, a2))
    expect(await statesOf(journal, [b1])).toEqual(['h1 dispatched'])
  })
})

describe('more than the window has room for', () => {
  it('stays in the journal and goes out as there is room, in order, without what is under way', async () => {
    const { caster, servers, journal, post } = await scriptedStage({ window: 8 })
    servers.places.set(A, on('h1'))
    const waiting: (() => void)[] = []
    caster.script = () => new Promise((resolve) => waiting.push(() => resolve(taken)))
    const events = Array.from({ length: 50 }, () => decided(['h1'], { serverId: A }))
    for (let i = 0; i < 50; i += 5) await post(events.slice(i, i + 5))
    await sleep(30)
    expect(idsOf(caster.casts).flat()).toEqual(of(...events.slice(0, 8)))
    while ((await statesOf(journal, events)).some((state) => state !== 'h1 dispatched')) {
      waiting.shift()?.()
      await sleep(2)
    }
    expect(idsOf(caster.casts).flat()).toEqual(of(...events))
  })
})

describe('a server that is elsewhere when its delivery is made at last', () => {
  const inTrouble = async () => {
    const stage = await scriptedStage()
    stage.caster.script = () => away
    const event = decided(['h1'], { serverId: A })
    await stage.post([event])
    const free = () => {
      stage.caster.script = () => taken
    }
    return { ...stage, event, free }
  }

  it('gets it where it is now', async () => {
    const { caster, servers, journal, event, free } = await inTrouble()
    servers.places.set(A, on('h2', 'h3'))
    free()
    await until(async () => (await statesOf(journal, [event])).filter((state) => state.endsWith('dispatched')).length === 2)
    expect([...(await statesOf(journal, [event]))].sort()).toEqual(['h1 superseded', 'h2 dispatched', 'h3 dispatched'])
    expect(new Set(caster.casts.slice(-2).map(({ host }) => host))).toEqual(new Set(['h2', 'h3']))
  })

  it('has it ended with the reason where it is nowhere', async () => {
    const { servers, journal, event } = await inTrouble()
    servers.places.set(A, on())
    await until(async () => (await statesOf(journal, [event])).join() === 'h1 failed')
    expect((await journal.event(event.id))?.deliveries[0]?.lastError).toBe('the server is on no host any more')
  })

  it('waits while that cannot be told', async () => {
    const { servers, journal, event, free } = await inTrouble()
    servers.places.set(A, { kind: 'unlocated', cell: 'c1' as CellId, reason: 'connection refused' })
    free()
    await until(async () => /connection refused/.test((await journal.event(event.id))?.deliveries[0]?.lastError ?? ''))
    servers.places.set(A, on('h1'))
    await until(async () => (await statesOf(journal, [event])).join() === 'h1 dispatched')
  })
})

describe('what waited too long', () => {
  const old = { receivedAtUs: (Date.now() - 61_000) * 1000 }

  it('ends as expired when it would next be cast', async () => {
    const { caster, servers, journal, post } = await scriptedStage()
    servers.places.set(A, on('h1'))
    caster.script = () => away
    const [power, network] = [
      decided(['h1'], { serverId: A, name: 'power-update', tag: 'POWER_ON' }),
      decided(['h1'], { serverId: A }),
    ]
    await post([power, network], old)
    await until(async () => (await statesOf(journal, [power])).join() === 'h1 expired')
    expect((await journal.event(power.id))?.deliveries[0]?.lastError).toBe('its time to live of 60 s was over')
    caster.script = () => taken
    await until(async () => (await statesOf(journal, [network])).join() === 'h1 dispatched')
  })
})

describe('a new life', () => {
  it('delivers what the one before left behind, before what is new, to where the servers are now', async () => {
    const journal = await openJournal()
    const events = [decided(['h1'], { serverId: A }), decided(['h1'], { serverId: B }), decided(['h1'], { serverId: A })]
    const servers = createServerMap()
    for (const server of [A, B]) servers.places.set(server, on('h1'))
    const first = await setStage({ journal, caster: createScriptedCaster(), servers })
    first.caster.script = () => away
    for (const event of events) await first.post([event])
    await first.deliveries.close()

    const second = createScriptedCaster()
    const { post } = await setStage({ journal: reborn(journal), caster: second, servers })
    const late = decided(['h1'], { serverId: A })
    await post([late])
    await until(async () => (await statesOf(journal, [...events, late])).every((state) => state === 'h1 dispatched'))
    expect(idsOf(second.casts).flat()).toEqual(of(...events, late))
    // Nobody knows whether the first had left when the life ended; the last had not.
    const attempts = second.casts.flatMap(({ deliveries }) => deliveries.map((each) => each.attempts))
    expect(attempts).toEqual([1, 1, 1, 0])
  })
})
