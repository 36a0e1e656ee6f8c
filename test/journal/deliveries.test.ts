import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { CellId, EventId, HostName, ServerId } from '../../src/events/event.ts'
import type { EventName } from '../../src/events/names.ts'
import type { DeliveryRecord, DeliveryStep, Receipt, UnlocatedEvent } from '../../src/journal/journal.ts'
import type { DeliveryState } from '../../src/journal/states.ts'
import { describeEngines, openOn, placeOn } from './engines.ts'
import { decided, hostName, newEventId, newServerId, submission } from './journal-file.ts'

const a = hostName('a')
const b = hostName('b')
const c = hostName('c')
const atNoCell = (host: HostName) => ({ host, cell: null })

type Drawn = DeliveryStep['kind'] | 'dispatchedForGood' | 'applied' | 'failedThere'

function step(kind: Drawn, host: HostName, eventId: EventId, atUs: number, serverId = newServerId()): DeliveryStep {
  const about = { host, eventId, atUs }
  switch (kind) {
    case 'dispatched':
      return { kind, isEnd: false, ...about }
    case 'dispatchedForGood':
      return { kind: 'dispatched', isEnd: true, ...about }
    case 'acknowledged':
      return { kind, ...about }
    case 'applied':
      return { kind: 'acknowledged', receipt: { kind }, ...about }
    case 'failedThere':
      return { kind: 'acknowledged', receipt: { kind: 'failed', reason: `${kind} at ${atUs}` }, ...about }
    case 'returned':
    case 'rejected':
    case 'expired':
    case 'failed':
      return { kind, reason: `${kind} at ${atUs}`, ...about }
    case 'superseded':
      return { kind, by: eventId, ...about }
    case 'moved':
      return { kind, serverId, to: [atNoCell(b), atNoCell(c)], ...about }
  }
}

interface ModelDelivery {
  state: DeliveryState
  isOpen: boolean
  attempts: number
  tries: number
  lastError: string | null
  lastErrorAtUs: number | null
  dispatchedAtUs: number | null
  acknowledgedAtUs: number | null
  endedAtUs: number | null
  receipt: Receipt | null
}

const fresh = (): ModelDelivery => ({
  state: 'pending',
  isOpen: true,
  attempts: 0,
  tries: 0,
  lastError: null,
  lastErrorAtUs: null,
  dispatchedAtUs: null,
  acknowledgedAtUs: null,
  endedAtUs: null,
  receipt: null,
})

/** The rules of `DeliveryStep` once more, as plainly as can be. */
function applyTo(model: Map<string, ModelDelivery>, taken: DeliveryStep): boolean {
  const delivery = model.get(`${taken.eventId} ${taken.host}`)
  if (delivery === undefined || !delivery.isOpen) return false
  if (taken.kind === 'superseded' && delivery.state !== 'pending') return false
  if (taken.kind === 'moved') {
    move(model, taken)
    return true
  }
  const isBack = taken.kind === 'returned' || taken.kind === 'rejected'
  delivery.state = isBack ? 'pending' : taken.kind
  delivery.isOpen = isBack || (taken.kind === 'dispatched' && !taken.isEnd)
  if (!delivery.isOpen) delivery.endedAtUs = taken.atUs
  if (taken.kind === 'rejected') delivery.tries++
  if ('reason' in taken) delivery.lastError = taken.reason
  if (taken.kind === 'superseded') delivery.lastError = `a newer event says the same: ${taken.by}`
  if ('reason' in taken || 'by' in taken) delivery.lastErrorAtUs = taken.atUs
  if (taken.kind === 'acknowledged') {
    delivery.acknowledgedAtUs = taken.atUs
    delivery.receipt = taken.receipt ?? null
    if (taken.receipt?.kind === 'failed') {
      delivery.state = 'failed'
      delivery.lastError = taken.receipt.reason
      delivery.lastErrorAtUs = taken.atUs
    }
  }
  if (taken.kind === 'dispatched') {
    delivery.attempts++
    delivery.dispatchedAtUs = taken.atUs
  }
  return true
}

/** Each server has one event here. */
function move(model: Map<string, ModelDelivery>, { eventId, to, atUs }: Extract<DeliveryStep, { kind: 'moved' }>): void {
  const isThere = (key: string) => to.some(({ host }) => key.endsWith(` ${host}`))
  for (const [key, each] of model) {
    if (!key.startsWith(eventId) || isThere(key) || !each.isOpen) continue
    Object.assign(each, { state: 'superseded', isOpen: false, endedAtUs: atUs, lastErrorAtUs: atUs, lastError: 'moved to b, c' })
  }
  for (const { host } of to) {
    const there = model.get(`${eventId} ${host}`)
    if (there === undefined) model.set(`${eventId} ${host}`, fresh())
    else if (there.state === 'superseded' && there.lastError?.startsWith('moved'))
      Object.assign(there, { state: 'pending', isOpen: true, endedAtUs: null })
  }
}

describeEngines('record', (engine) => {
  it('applies steps by their rules, counts them, and keeps the hosts counted', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const events = Array.from({ length: 40 }, (_, i) => decided([['a'], ['a', 'b'], ['b'], []][i % 4] ?? []))
    await store.commit(submission(events))
    const ids = [...events.map(({ id }) => id), newEventId()]
    const serverOf = new Map(events.map(({ id, event }) => [id, event.serverId]))
    const model = new Map<string, ModelDelivery>()
    for (const { id, outcome } of events) {
      if (outcome.kind !== 'accepted') continue
      for (const { host } of outcome.destinations) model.set(`${id} ${host}`, fresh())
    }
    const receipts = ['acknowledged', 'applied', 'failedThere'] as const
    const ends = [...receipts, 'dispatchedForGood', 'expired', 'failed', 'superseded', 'moved'] as const
    const again = ['dispatched', 'returned', 'rejected'] as const
    const kinds = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<Drawn>(...again) }, fc.constantFrom<Drawn>(...ends))
    const steps = fc.array(fc.tuple(kinds, fc.constantFrom(a, b, c), fc.constantFrom(...ids)), { maxLength: 10 })
    let atUs = 0
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const batch = drawn.map(([kind, host, id]) => step(kind, host, id, ++atUs, serverOf.get(id)))
        const applied = batch.filter((each) => applyTo(model, each)).length
        expect(await store.record(batch)).toBe(applied)
      }),
      { numRuns: 60 },
    )
    await store.close()
    const reopened = await place.open()
    await reopened.claim()
    for (const { id } of events) {
      const deliveries = (await reopened.event(id))?.deliveries ?? []
      const expected = [...model].filter(([key]) => key.startsWith(id)).sort(([one], [other]) => (one < other ? -1 : 1))
      expect(deliveries.map((each) => [`${id} ${each.host}`, plain(each)])).toEqual(
        expected.map(([key, { isOpen: _, tries: __, ...rest }]) => [key, rest]),
      )
    }
    for (const host of [a, b, c]) {
      const ofHost = [...model].filter(([key, { isOpen }]) => isOpen && key.endsWith(` ${host}`))
      const count = (state: DeliveryState) => ofHost.filter(([, each]) => each.state === state).length
      expect((await reopened.host(host)) ?? { pending: 0, dispatched: 0 }).toMatchObject({
        pending: count('pending'),
        dispatched: count('dispatched'),
      })
      const open = await reopened.open(host, null, 1000)
      expect(new Map(open.map(({ eventId, tries }) => [`${eventId} ${host}`, tries]))).toEqual(
        new Map(ofHost.map(([key, { tries }]) => [key, tries])),
      )
    }
  })

  it('takes thousands of steps at once', async () => {
    const store = await openOn(engine)
    const events = Array.from({ length: 5000 }, () => decided(['a']))
    await store.commit(submission(events))
    const steps = events.map(({ id }) => step('dispatchedForGood', a, id, 1))
    expect(await store.record([...steps, ...steps])).toBe(5000)
    expect(await store.open(a, null, 1)).toEqual([])
    expect(await store.search({ state: 'dispatched', limit: 5001 })).toHaveLength(5000)
  })

  it('gives what moved a delivery on the other host, where its event stands', async () => {
    const store = await openOn(engine)
    const [early, late] = [decided(['a']), decided(['b'])]
    await store.commit(submission([early, late]))
    const to = [{ host: b, cell: 'c2' as CellId }] as const
    const { serverId } = early.event
    expect(await store.record([{ kind: 'moved', host: a, eventId: early.id, atUs: 3, serverId, to }])).toBe(1)
    expect((await store.open(b, null, 10)).map(({ eventId, cell }) => [eventId, cell])).toEqual([
      [early.id, 'c2'],
      [late.id, null],
    ])
    const story = (await store.event(early.id))?.deliveries
    expect(story).toMatchObject([
      { host: a, state: 'superseded', lastError: 'moved to b' },
      { host: b, state: 'pending' },
    ])
  })

  it('tells of acknowledgements which ids are strange, and takes repeats in silence', async () => {
    const store = await openOn(engine)
    const [mine, theirs] = [decided(['a']), decided(['b'])]
    await store.commit(submission([mine, theirs]))
    const strange = newEventId()
    const first = await store.acknowledge(a, [mine.id, theirs.id, strange], 7)
    expect(first).toEqual({ ended: [mine.id], unknown: [theirs.id, strange] })
    expect(await store.acknowledge(a, [mine.id, mine.id], 8)).toEqual({ ended: [], unknown: [] })
    expect(await store.acknowledge(hostName('nobody'), [mine.id], 9)).toEqual({ ended: [], unknown: [mine.id] })
    expect(await store.acknowledge(a, ['nonsense' as EventId], 9)).toEqual({ ended: [], unknown: ['nonsense'] })
    expect(await store.host(a)).toEqual({ host: a, pending: 0, dispatched: 0, lastSeenUs: 9 })
    expect((await store.event(mine.id))?.deliveries[0]?.acknowledgedAtUs).toBe(7)
  })
})

describeEngines('claim', (engine) => {
  it('gives a new process every host with open deliveries, once', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    expect(await store.claim()).toEqual([])
    const [first, second, third] = [decided(['a']), decided(['b']), decided(['c'])]
    await store.commit(submission([first, second, third]))
    expect(await store.claim()).toEqual([])
    await store.record([step('dispatched', a, first.id, 1), step('dispatchedForGood', b, second.id, 1)])
    await store.close()
    const next = await place.open()
    expect(await next.claim()).toEqual([a, 'c'])
    expect(await next.claim()).toEqual([])
  })
})

describeEngines('an event whose server could not be located', (engine) => {
  const reason = 'its database is away'
  const deferred = () => {
    const outcome = { kind: 'deferred', code: 200, cell: 'c1' as CellId, reason } as const
    return { ...decided(['a']), outcome }
  }
  const eventIds = (events: readonly UnlocatedEvent[]) => events.map(({ eventId }) => eventId)

  it('waits, in the order of the commits, page by page, over restarts', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const events = Array.from({ length: 5 }, deferred)
    const about = submission(events)
    await store.commit(about)
    await store.close()
    const reopened = await place.open()
    await reopened.claim()
    const all = await reopened.unlocated(null, 10)
    expect(eventIds(all)).toEqual(events.map(({ id }) => id))
    const { receivedAtUs, requestId, globalRequestId, sender } = about
    const { id: eventId, event } = events[0] ?? deferred()
    expect(all[0]).toEqual({ eventId, cell: 'c1', event, receivedAtUs, requestId, globalRequestId, sender })
    expect(eventIds(await reopened.unlocated(events[1]?.id ?? null, 2))).toEqual(events.slice(2, 4).map(({ id }) => id))
  })

  it('is located, refused or expired, once, and its story says so', async () => {
    const store = await openOn(engine)
    const [found, gone, late, waiting] = [deferred(), deferred(), deferred(), deferred()]
    await store.commit(submission([found, gone, late, waiting]))
    const destinations = [{ host: b, cell: 'c1' as CellId }] as const
    await store.locate([
      { kind: 'located', eventId: found.id, atUs: 5, destinations },
      { kind: 'refused', eventId: gone.id, atUs: 5, reason: 'the server is unknown' },
      { kind: 'expired', eventId: late.id, atUs: 5, reason: 'its time was over' },
      { kind: 'refused', eventId: found.id, atUs: 6, reason: 'too late to say' },
      { kind: 'refused', eventId: newEventId(), atUs: 6, reason: 'never heard of' },
    ])
    expect(eventIds(await store.unlocated(null, 10))).toEqual([waiting.id])
    const stories = await Promise.all([found, gone, late, waiting].map(({ id }) => store.event(id)))
    expect(stories.map((each) => each?.deferral)).toEqual([
      { cell: 'c1', reason, state: 'located' },
      { cell: 'c1', reason: 'the server is unknown', state: 'refused' },
      { cell: 'c1', reason: 'its time was over', state: 'expired' },
      { cell: 'c1', reason, state: 'waiting' },
    ])
    expect(await store.open(b, null, 10)).toMatchObject([{ eventId: found.id, cell: 'c1' }])
    expect(await store.host(b)).toMatchObject({ pending: 1 })
  })
})

function plain({ host: _, cell: __, ...rest }: DeliveryRecord) {
  return rest
}

describeEngines('open', (engine) => {
  it('gives a host its open deliveries in the order of the commits, page by page, and nobody else their', async () => {
    const store = await openOn(engine)
    // Enough to reach into three buckets.
    const events = Array.from({ length: 20_000 }, (_, i) => decided(i % 100 === 0 ? ['a', 'b'] : i % 3 === 0 ? ['b'] : []))
    for (let i = 0; i < events.length; i += 1000) await store.commit(submission(events.slice(i, i + 1000)))
    const ofA = events.filter((_, i) => i % 100 === 0)
    await store.record(ofA.slice(0, 50).map(({ id }) => step('dispatched', a, id, 1)))
    const ended = ofA.filter((_, i) => i % 7 === 0).map(({ id }) => id)
    await store.acknowledge(a, ended, 2)

    const expected = ofA.filter(({ id }) => !ended.includes(id))
    const paged: EventId[] = []
    for (let after: EventId | null = null; ; after = paged.at(-1) ?? null) {
      const page = await store.open(a, after, 30)
      paged.push(...page.map(({ eventId }) => eventId))
      if (page.length < 30) break
    }
    expect(paged).toEqual(expected.map(({ id }) => id))

    const [first] = await store.open(a, null, 1)
    expect(first).toMatchObject({ host: a, cell: null, attempts: 1, event: expected[0]?.event, sender: { userName: 'neutron' } })
    // An id that is gone or never was: what came behind it by id.
    expect(await store.open(a, newEventId(), 10)).toEqual([])
    expect(await store.open(a, '' as EventId, 1)).toEqual([first])
    expect(await store.open(hostName('nobody'), null, 10)).toEqual([])
  })

  it('misses nothing that is committed behind what was read, even with a smaller id', async () => {
    const store = await openOn(engine)
    const [early, late] = [decided(['a']), decided(['a'])]
    await store.commit(submission([late]))
    const [read] = await store.open(a, null, 10)
    await store.commit(submission([early]))
    const rest = await store.open(a, read?.eventId ?? null, 10)
    expect([read?.eventId, ...rest.map(({ eventId }) => eventId)]).toEqual([late.id, early.id])
  })
})

describeEngines('awaited', (engine) => {
  const idsOf = (events: readonly { readonly id?: EventId; readonly eventId?: EventId }[]) =>
    events.map(({ id, eventId }) => id ?? eventId)

  it('gives awaited events, each behind what is open of its server, however much else is', async () => {
    const store = await openOn(engine)
    const [s, t, u] = [newServerId(), newServerId(), newServerId()]
    const storm = (count: number) => Array.from({ length: count }, () => decided(['a']))
    const of = (serverId: ServerId, name: EventName, host = 'a') => decided([host], { serverId, name, tag: 't' })
    const [s1, s2, s3] = [of(s, 'network-changed'), of(s, 'network-vif-deleted'), of(s, 'network-vif-plugged')]
    const [s4, t1, u1] = [of(s, 'network-changed'), of(t, 'volume-reimaged'), of(u, 'network-vif-unplugged', 'b')]
    const ended = of(s, 'network-changed')
    // Enough to reach into other buckets.
    for (const events of [[s1, ended], storm(5000), [s2], storm(5000), [t1], storm(5000), [u1, s3, s4]])
      for (let i = 0; i < events.length; i += 1000) await store.commit(submission(events.slice(i, i + 1000)))
    await store.record([step('dispatched', a, s1.id, 1), step('acknowledged', a, ended.id, 1)])
    const page = await store.awaited(a, null, 10)
    expect(idsOf(page.deliveries.filter(({ event }) => event.serverId === s))).toEqual(idsOf([s1, s2, s3]))
    expect(idsOf(page.deliveries.filter(({ event }) => event.serverId === t))).toEqual(idsOf([t1]))
    expect(page).toMatchObject({ deliveries: { length: 4 }, cursor: s3.id, isMore: false })
    expect(page.deliveries.find(({ eventId }) => eventId === s1.id)).toMatchObject({ attempts: 1, event: s1.event, cell: null })
    const first = await store.awaited(a, null, 1)
    expect(first).toMatchObject({ deliveries: [{ eventId: t1.id }], cursor: t1.id, isMore: true })
    expect(idsOf((await store.awaited(a, first.cursor, 1)).deliveries)).toEqual(idsOf([s1, s2, s3]))
    expect(await store.awaited(a, s3.id, 10)).toEqual({ deliveries: [], cursor: s3.id, isMore: false })
    expect(await store.awaited(hostName('nobody'), null, 10)).toMatchObject({ deliveries: [], cursor: null })
    await store.record([step('acknowledged', a, t1.id, 2), step('failed', a, s3.id, 2)])
    expect(await store.awaited(a, null, 10)).toMatchObject({ deliveries: [], isMore: false })
  })

  it('goes on where a server has more than can be told at once', async () => {
    const store = await openOn(engine)
    const serverId = newServerId()
    const earlier = Array.from({ length: 1500 }, () => decided(['a'], { serverId, name: 'network-vif-deleted' }))
    const plugged = decided(['a'], { serverId, name: 'network-vif-plugged' })
    await store.commit(submission(earlier))
    await store.commit(submission([plugged]))
    const seen: EventId[] = []
    for (let page = await store.awaited(a, null, 10); page.isMore; page = await store.awaited(a, page.cursor, 10)) {
      seen.push(...page.deliveries.map(({ eventId }) => eventId))
      await store.acknowledge(
        a,
        page.deliveries.map(({ eventId }) => eventId),
        1,
      )
    }
    seen.push(...(await store.awaited(a, null, 10)).deliveries.map(({ eventId }) => eventId))
    expect(seen).toEqual(idsOf([...earlier, plugged]))
  })
})

describeEngines('outdated', (engine) => {
  it('names what waits with a newer one of the same server, name and tag behind it, and the newest of those', async () => {
    const store = await openOn(engine)
    const [s, t] = [newServerId(), newServerId()]
    const of = (serverId: ServerId, tag: string | null, name: EventName = 'network-changed', host = 'a') =>
      decided([host], { serverId, tag, name })
    const [s1, s2, s3, left] = [of(s, 'x'), of(s, 'x'), of(s, 'x'), of(s, 'x')]
    const [none1, none2, other] = [of(s, null), of(s, null), of(s, '')]
    const others = [of(t, 'x'), of(s, 'y'), of(s, 'x', 'network-vif-deleted'), of(s, 'x', 'network-vif-plugged')]
    await store.commit(submission([left, s1, none1, other, ...others]))
    await store.commit(submission([s2, of(s, 'x', 'network-vif-deleted'), none2]))
    await store.commit(submission([s3, of(s, 'x', 'network-changed', 'b')]))
    await store.record([step('dispatched', a, left.id, 1)])
    const expected = [
      { eventId: s1.id, by: s3.id },
      { eventId: none1.id, by: none2.id },
      { eventId: s2.id, by: s3.id },
    ]
    const inOrder = (all: readonly { readonly eventId: EventId }[]) => [...all].sort((x, y) => (x.eventId < y.eventId ? -1 : 1))
    expect(inOrder(await store.outdated(a, 10))).toEqual(inOrder(expected))
    expect(await store.outdated(a, 1)).toEqual([expected[0]])
    expect(await store.outdated(hostName('nobody'), 10)).toEqual([])
    const steps = expected.map(({ eventId, by }) => ({ kind: 'superseded' as const, host: a, eventId, by, atUs: 7 }))
    expect(await store.record(steps)).toBe(3)
    expect(await store.outdated(a, 10)).toEqual([])
    expect((await store.event(s1.id))?.deliveries).toMatchObject([
      { state: 'superseded', lastError: `a newer event says the same: ${s3.id}`, lastErrorAtUs: 7, endedAtUs: 7 },
    ])
    // What has left cannot be superseded.
    expect(await store.record([{ kind: 'superseded', host: a, eventId: left.id, by: s3.id, atUs: 8 }])).toBe(0)
  })
})

describeEngines('hosts', (engine) => {
  it('are listed by name when they have open deliveries or were ever seen', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    await store.commit(submission([decided(['b']), decided(['a.Example', 'b'])]))
    store.touchHost(hostName('seen'), 5)
    store.touchHost(hostName('seen'), 4)
    expect(await store.hosts(null, 10)).toEqual([
      { host: 'a.Example', pending: 1, dispatched: 0, lastSeenUs: null },
      { host: 'b', pending: 2, dispatched: 0, lastSeenUs: null },
      { host: 'seen', pending: 0, dispatched: 0, lastSeenUs: 5 },
    ])
    expect((await store.hosts(hostName('a.Example'), 1)).map(({ host }) => host)).toEqual(['b'])
    expect(await store.host(hostName('A.example'))).toBeNull()
    store.touchHost(hostName('last'), 6)
    await store.close()
    const again = await place.open()
    expect(await again.host(hostName('last'))).toEqual({ host: 'last', pending: 0, dispatched: 0, lastSeenUs: 6 })
  })
})
