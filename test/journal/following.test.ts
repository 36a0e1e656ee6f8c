import { expect, it } from 'vitest'
import type { CellId, Destination, ServerId } from '../../src/events/event.ts'
import { type DecidedEvent, type Followed, type Journal, NO_SEARCHES, type Placement } from '../../src/journal/journal.ts'
import { describeEngines, openOn, placeOn } from './engines.ts'
import { decided, hostName, newServerId, submission } from './journal-file.ts'

const C1 = 'c1' as CellId
const NOW_US = Date.now() * 1000
// A busy machine is slow: nothing is over by itself.
const LATER_US = NOW_US + 86_400_000_000

const parked = (serverId: ServerId, untilUs = LATER_US): DecidedEvent => ({
  ...decided([], { serverId }),
  outcome: { kind: 'parked', code: 422, untilUs },
})
const deferred = (serverId: ServerId): DecidedEvent => ({
  ...decided([], { serverId }),
  outcome: { kind: 'deferred', code: 200, cell: C1, reason: 'away' },
})
const on = (serverId: ServerId, ...hosts: readonly [string, ...string[]]): Placement => {
  const [first, ...others] = hosts.map((host): Destination => ({ host: hostName(host), cell: null }))
  return { kind: 'located', serverId, atUs: NOW_US, destinations: [first as Destination, ...others] }
}
const idsOf = (events: readonly DecidedEvent[]) => events.map(({ id }) => id)

async function openAt(journal: Journal, host: string) {
  return (await journal.open(hostName(host), null, 100)).map(({ eventId }) => eventId)
}

async function storyOf(journal: Journal, { id }: DecidedEvent) {
  const record = await journal.event(id)
  return {
    deferral: record?.deferral,
    deliveries: record?.deliveries.map(({ host, state }) => `${host} ${state}`).sort(),
    errors: record?.deliveries.map(({ lastError }) => lastError),
  }
}

/** Everything that was told, as hosts and `kind host`. */
function hear(journal: Journal) {
  const told: Followed[] = []
  journal.onFollowed((followed) => void told.push(followed))
  return () => {
    const all = told.splice(0)
    return {
      hosts: all.flatMap(({ hosts }) => hosts).sort(),
      ended: all.flatMap(({ ended }) => ended.map(({ kind, host }) => `${kind} ${host}`)).sort(),
    }
  }
}

describeEngines('an event that is parked', (engine) => {
  it('is kept with its answer and its reason, over restarts, until its time is over', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const [short, long, later] = [
      parked(newServerId(), NOW_US + 1000),
      parked(newServerId()),
      parked(newServerId(), LATER_US + 1),
    ]
    await store.commit(submission([short, long, later]))
    await store.close()
    const reopened = await place.open()
    await reopened.claim()
    const all = [short, long, later].map(({ id, event, outcome }) => ({
      eventId: id,
      serverId: event.serverId,
      untilUs: outcome.kind === 'parked' ? outcome.untilUs : 0,
    }))
    expect(await reopened.parked(null, 10)).toEqual(all)
    expect(await reopened.parked(short.id, 1)).toEqual(all.slice(1, 2))
    expect(await reopened.unlocated(null, 10)).toEqual([])
    const state = async (event: DecidedEvent) => (await reopened.event(event.id))?.deferral
    expect(await reopened.event(long.id)).toMatchObject({ code: 422, deliveries: [] })
    expect(await state(long)).toEqual({ cell: null, reason: 'the server is on no host', state: 'parked' })
    expect(await reopened.expireParked(NOW_US + 999)).toBe(NOW_US + 1000)
    expect(await reopened.expireParked(NOW_US + 1000)).toBe(LATER_US)
    expect(await state(short)).toEqual({ cell: null, reason: 'the server got no host in time', state: 'expired' })
    expect(await reopened.expireParked(LATER_US + 1)).toBeNull()
    expect(await reopened.parked(null, 10)).toEqual([])
  })

  it('goes where its server is as soon as that is told, or ends', async () => {
    const store = await openOn(engine)
    const told = hear(store)
    const [a, b, c, d] = [newServerId(), newServerId(), newServerId(), newServerId()]
    const [first, second, gone, over, nowhere] = [parked(a), parked(a), parked(b), parked(c, NOW_US - 1), parked(d)]
    await store.commit(submission([first, second, gone, over, nowhere]))
    await store.follow([
      on(a, 'h1', 'h2'),
      { kind: 'unknown', serverId: b, atUs: NOW_US },
      on(c, 'h1'),
      { kind: 'unassigned', serverId: d, atUs: NOW_US },
    ])
    expect(told()).toEqual({ hosts: ['h1', 'h2'], ended: [] })
    for (const host of ['h1', 'h2']) expect(await openAt(store, host)).toEqual(idsOf([first, second]))
    expect(await storyOf(store, first)).toMatchObject({
      deferral: { state: 'located' },
      deliveries: ['h1 pending', 'h2 pending'],
    })
    expect((await storyOf(store, gone)).deferral).toMatchObject({ state: 'refused', reason: 'unknown server' })
    expect((await storyOf(store, over)).deferral).toMatchObject({ state: 'expired' })
    expect((await storyOf(store, nowhere)).deferral).toMatchObject({ state: 'parked' })
    await store.follow([on(a, 'h1', 'h2'), on(b, 'h1')])
    expect(told()).toEqual({ hosts: [], ended: [] })
  })

  it('goes before what is accepted for its server later, which is not made out of hand', async () => {
    const store = await openOn(engine)
    const told = hear(store)
    const [a, b] = [newServerId(), newServerId()]
    const early = [parked(a), deferred(a)]
    await store.commit(submission(early))
    const [late, other] = [decided(['h1'], { serverId: a }), decided(['h1', 'h2'], { serverId: b })]
    const passedOn = await store.commit(submission([other, late]))
    // All for that host: its older ones are read first.
    expect(new Set(passedOn)).toEqual(
      new Set([other, late].map(({ id }) => ({ eventId: id, host: hostName('h1'), kind: 'untold' }))),
    )
    expect(told()).toEqual({ hosts: ['h1'], ended: [] })
    expect(await openAt(store, 'h1')).toEqual(idsOf([...early, other, late]))
    expect(await store.commit(submission([decided(['h1'], { serverId: a })]))).toEqual([])
  })

  it('comes of an event that waited to be located, where its server is on no host', async () => {
    const store = await openOn(engine)
    const event = deferred(newServerId())
    await store.commit(submission([event]))
    await store.locate([
      { kind: 'parked', eventId: event.id, atUs: NOW_US, reason: 'the server is on no host', untilUs: LATER_US },
    ])
    expect(await store.unlocated(null, 10)).toEqual([])
    expect(await store.parked(null, 10)).toEqual([{ eventId: event.id, serverId: event.event.serverId, untilUs: LATER_US }])
    expect((await store.event(event.id))?.deferral).toEqual({ cell: C1, reason: 'the server is on no host', state: 'parked' })
  })
})

describeEngines('open deliveries of a server that moves', (engine) => {
  it('follow it: for each event its new hosts, in the order of the events, and the old ones no more', async () => {
    const store = await openOn(engine)
    const told = hear(store)
    const [a, b] = [newServerId(), newServerId()]
    const [left, waiting, done, other] = [
      decided(['h1'], { serverId: a }),
      decided(['h1'], { serverId: a }),
      decided(['h1'], { serverId: a }),
      decided(['h1'], { serverId: b }),
    ]
    await store.commit(submission([left, waiting, done, other]))
    const about = { host: hostName('h1'), atUs: 7 }
    await store.record([
      { kind: 'dispatched', isEnd: false, eventId: left.id, ...about },
      { kind: 'acknowledged', eventId: done.id, ...about },
    ])
    await store.follow([on(a, 'h1', 'h2')])
    expect(told()).toEqual({ hosts: ['h2'], ended: [] })
    expect(await storyOf(store, waiting)).toMatchObject({ deliveries: ['h1 pending', 'h2 pending'] })
    await store.follow([on(a, 'h3')])
    expect(told()).toEqual({ hosts: ['h3'], ended: ['moved h1', 'moved h1', 'moved h2', 'moved h2'] })
    expect(await openAt(store, 'h3')).toEqual(idsOf([left, waiting]))
    expect(await openAt(store, 'h1')).toEqual(idsOf([other]))
    expect(await storyOf(store, done)).toMatchObject({ deliveries: ['h1 acknowledged'] })
    expect((await storyOf(store, left)).errors).toEqual(['moved to h3', 'moved to h3', null])
    expect(await store.host(hostName('h1'))).toMatchObject({ pending: 1, dispatched: 0 })
    expect(await store.host(hostName('h3'))).toMatchObject({ pending: 2, dispatched: 0 })
  })

  it('come back with it', async () => {
    const store = await openOn(engine)
    const a = newServerId()
    const event = decided(['h1'], { serverId: a })
    await store.commit(submission([event]))
    for (const host of ['h2', 'h1', 'h2', 'h1']) await store.follow([on(a, host)])
    expect(await storyOf(store, event)).toMatchObject({ deliveries: ['h1 pending', 'h2 superseded'] })
    expect(await openAt(store, 'h1')).toEqual([event.id])
    const move = (from: string, host: string) => ({
      kind: 'moved' as const,
      host: hostName(from),
      eventId: event.id,
      atUs: NOW_US,
      serverId: a,
      to: [{ host: hostName(host), cell: null }] as const,
    })
    expect(await store.record([move('h1', 'h2')])).toBe(1)
    expect(await store.record([move('h1', 'h2')])).toBe(0)
    expect(await storyOf(store, event)).toMatchObject({ deliveries: ['h1 superseded', 'h2 pending'] })
    expect(await store.record([move('h2', 'h1')])).toBe(1)
    expect(await storyOf(store, event)).toMatchObject({ deliveries: ['h1 pending', 'h2 superseded'] })
    expect(await store.host(hostName('h1'))).toMatchObject({ pending: 1 })
  })

  it('end with the reason where it is nowhere', async () => {
    const store = await openOn(engine)
    const told = hear(store)
    const [a, b] = [newServerId(), newServerId()]
    const [unassigned, unknown] = [decided(['h1'], { serverId: a }), decided(['h1'], { serverId: b })]
    await store.commit(submission([unassigned, unknown]))
    await store.follow([
      { kind: 'unassigned', serverId: a, atUs: NOW_US },
      { kind: 'unknown', serverId: b, atUs: NOW_US },
    ])
    expect(told()).toEqual({ hosts: [], ended: ['failed h1', 'failed h1'] })
    expect(await storyOf(store, unassigned)).toMatchObject({
      deliveries: ['h1 failed'],
      errors: ['the server is on no host any more'],
    })
    expect(await storyOf(store, unknown)).toMatchObject({
      deliveries: ['h1 failed'],
      errors: ['the server is not known any more'],
    })
  })

  it('go before what is accepted for another host, where the server is said to have moved', async () => {
    const store = await openOn(engine)
    const told = hear(store)
    const [a, b] = [newServerId(), newServerId()]
    const [old, still] = [decided(['h1'], { serverId: a }), decided(['h1'], { serverId: b })]
    await store.commit(submission([old, still]))
    const [next, same] = [decided(['h2'], { serverId: a }), decided(['h1'], { serverId: b })]
    const passedOn = await store.commit(submission([next, same]), { ...NO_SEARCHES, strays: new Set([a, b]) })
    // What is open where a server is said to be may have come there late, and is read first as well.
    expect(passedOn).toEqual([
      { eventId: next.id, host: 'h2', kind: 'untold' },
      { eventId: same.id, host: 'h1', kind: 'untold' },
    ])
    expect(told()).toEqual({ hosts: ['h1', 'h2'], ended: ['moved h1'] })
    expect(await openAt(store, 'h2')).toEqual(idsOf([old, next]))
    expect(await openAt(store, 'h1')).toEqual(idsOf([still, same]))
  })

  it('go before what is accepted for one more host, where the server has begun to move there', async () => {
    const journal = await openOn(engine)
    const server = newServerId()
    const [old, next] = [decided(['h1'], { serverId: server }), decided(['h1', 'h2'], { serverId: server })]
    await journal.commit(submission([old]))
    await journal.commit(submission([next]), { ...NO_SEARCHES, strays: new Set([server]) })
    expect(await openAt(journal, 'h1')).toEqual(idsOf([old, next]))
    expect(await openAt(journal, 'h2')).toEqual(idsOf([old, next]))
  })

  it('go with an event that is located late', async () => {
    const store = await openOn(engine)
    const a = newServerId()
    const [old, event] = [decided(['h1'], { serverId: a }), deferred(a)]
    await store.commit(submission([old, event]))
    const destinations = [{ host: hostName('h2'), cell: C1 }] as const
    await store.locate([{ kind: 'located', eventId: event.id, atUs: NOW_US, destinations }], new Set([a]))
    expect(await openAt(store, 'h2')).toEqual(idsOf([old, event]))
    expect(await openAt(store, 'h1')).toEqual([])
  })
})
