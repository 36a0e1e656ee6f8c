import { expect, it } from 'vitest'
import type { CellId, EventId, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, DeliveryStep } from '../../src/journal/journal.ts'
import { createScriptedCaster, createServerMap, on, until } from '../delivery/stage.ts'
import { describeEngines, openOn } from '../journal/engines.ts'
import { decided, hostName, newEventId, newServerId, submission } from '../journal/submissions.ts'
import { newRun, OPERATOR, replayAll, replayStage } from './stage.ts'

const a = hostName('a')
const order = (run = newRun()) => ({ by: OPERATOR, run, isDry: false })

/** Ends an event's delivery to `a`. */
const end = (eventId: EventId, kind: 'expired' | 'failed' | 'acknowledged' | 'dispatched'): DeliveryStep => {
  const about = { host: a, eventId, atUs: 1 }
  switch (kind) {
    case 'expired':
    case 'failed':
      return { kind, reason: 'over', ...about }
    case 'acknowledged':
      return { kind, ...about }
    case 'dispatched':
      return { kind, isEnd: true, ...about }
  }
}

/** Takes an event from `a` to another host, where it ends. */
const endElsewhere = ({ id: eventId, event: { serverId } }: DecidedEvent): readonly DeliveryStep[] => {
  const [host, atUs] = [hostName('elsewhere'), 1]
  return [
    { kind: 'moved', host: a, eventId, atUs, serverId, to: [{ host, cell: null }] },
    { kind: 'expired', host, eventId, atUs, reason: 'over' },
  ]
}

/** Where the server of the n-th event of many is: those of events that are open are where they were. */
const placeOf = (n: number) => (n % 5 === 0 ? on('a') : n % 7 === 0 ? ({ kind: 'unknown' } as const) : on('b'))

describeEngines('a replay', (engine) => {
  it('delivers what had ended, however it ended, to where its server is now, with a fresh time to live', async () => {
    const journal = await openOn(engine)
    const ends = ['expired', 'failed', 'acknowledged', 'dispatched'] as const
    const [moved, ...others] = ['moved', ...ends].map(() => decided(['a'], { name: 'power-update', tag: 'POWER_ON' }))
    const events = [moved as DecidedEvent, ...others]
    // Long over: a minute is all that a power-update has.
    await journal.commit(submission(events, { receivedAtUs: (Date.now() - 86_400_000) * 1000 }))
    await journal.record([...endElsewhere(moved as DecidedEvent), ...ends.map((kind, i) => end(others[i]?.id as EventId, kind))])
    const { replayer, servers, caster } = await replayStage(journal)
    for (const { event } of events) servers.places.set(event.serverId, on('new-home'))
    const run = newRun()
    const answers = await replayAll(replayer, { host: a }, { run })
    expect(answers.map(({ record, fate }) => [record.id, fate.kind])).toEqual(events.map(({ id }) => [id, 'replayed']))
    await until(() => caster.casts.length === 1, 30_000)
    const [cast] = caster.casts
    expect(cast).toMatchObject({ host: 'new-home', context: null })
    expect(cast?.deliveries.map(({ event, globalRequestId, sender }) => ({ event, globalRequestId, sender }))).toEqual(
      events.map(({ event }) => ({ event, globalRequestId: run, sender: OPERATOR })),
    )
    const replays = cast?.deliveries.map(({ eventId }) => eventId) ?? []
    expect(answers.map(({ fate }) => fate.kind === 'replayed' && fate.replay)).toEqual(replays)
    await until(async () => (await journal.event(replays[4] as EventId))?.deliveries[0]?.endedAtUs !== null, 30_000)
    for (const [i, { id }] of events.entries()) {
      const [story, ofReplay] = [await journal.event(id), await journal.event(replays[i] as EventId)]
      expect(story?.deliveries[0]).toMatchObject({ host: 'a', endedAtUs: 1 })
      expect(story?.replays).toEqual([{ id: replays[i], run, atUs: ofReplay?.receivedAtUs }])
      expect(ofReplay).toMatchObject({ replay: { of: id, run }, sender: OPERATOR, microversion: '2.93' })
      expect(ofReplay?.deliveries).toMatchObject([{ host: 'new-home', state: 'dispatched', attempts: 1 }])
    }
  })

  it('leaves out, with the reason, what is not over and what has no host now', async () => {
    const journal = await openOn(engine)
    const cell = 'c0ffee00-0000-4000-8000-000000000000' as CellId
    const waiting: DecidedEvent = { ...decided(['a']), outcome: { kind: 'deferred', code: 200, cell, reason: 'away' } }
    const lost: DecidedEvent = { ...decided(['a']), outcome: { kind: 'deferred', code: 200, cell, reason: 'away' } }
    const events = [
      ...['pending', 'dispatched', 'half', 'stranger', 'homeless'].map(() => decided(['a'])),
      decided([]),
      waiting,
      lost,
    ]
    const half = decided(['a', 'b'])
    events[2] = half
    const ids = events.map(({ id }) => id)
    await journal.commit(submission(events))
    await journal.record([
      { kind: 'dispatched', isEnd: false, host: a, eventId: ids[1] as EventId, atUs: 1 },
      ...[2, 3, 4].map((i) => end(ids[i] as EventId, 'expired')),
    ])
    await journal.locate([{ kind: 'refused', eventId: lost.id, atUs: 1, reason: 'unknown server' }])
    const servers = createServerMap()
    for (const { event } of events) servers.places.set(event.serverId, on('a'))
    servers.places.set(events[3]?.event.serverId as ServerId, { kind: 'unknown' })
    servers.places.set(events[4]?.event.serverId as ServerId, { kind: 'unassigned' })
    for (const { event } of [waiting, lost]) servers.places.set(event.serverId, { kind: 'unlocated', cell, reason: 'still away' })
    const { replayer } = await replayStage(journal, { servers })
    const answers = await Promise.all(ids.map((id) => replayer.one(id, { ...order(), isDry: true })))
    expect(answers.map((answer) => answer?.fate)).toMatchObject([
      { kind: 'left-out', reason: 'its delivery to a is pending' },
      { kind: 'left-out', reason: expect.stringMatching(/^its delivery to a is (dispatched|pending)$/) },
      { kind: 'left-out', reason: expect.stringMatching(/^its delivery to b is/) },
      { kind: 'left-out', reason: 'its server is not known' },
      { kind: 'left-out', reason: 'its server is on no host' },
      { kind: 'left-out', reason: 'it was not accepted: the sender was told 404' },
      { kind: 'left-out', reason: 'its server is still being located' },
      { kind: 'replayed', replay: null, destinations: [] },
    ])
    expect(await replayer.one(newEventId(), order())).toBeNull()
  })

  it('stands behind what was accepted for its server before, and replays stand in the order of their originals', async () => {
    const journal = await openOn(engine)
    const serverId = newServerId()
    const events = Array.from({ length: 30 }, (_, i) => decided(['a'], { serverId, tag: `old-${i}` }))
    for (const event of events) await journal.commit(submission([event]))
    await journal.record(events.map(({ id }) => end(id, 'expired')))
    const { replayer, servers, caster, post } = await replayStage(journal)
    servers.places.set(serverId, on('a'))
    caster.script = () => ({ kind: 'away', reason: 'not yet' })
    await post([decided(['a'], { serverId, tag: 'before' })])
    await replayAll(replayer, { serverId, state: 'expired' }, { limit: 7 })
    await post([decided(['a'], { serverId, tag: 'after' })])
    const arrived: (string | null)[] = []
    caster.script = ({ deliveries }) => {
      arrived.push(...deliveries.map(({ event }) => event.tag))
      return { kind: 'taken' }
    }
    await until(() => arrived.includes('after'), 30_000)
    expect([...new Set(arrived)]).toEqual(['before', ...events.map(({ event }) => event.tag), 'after'])
    // What came in requests of its own is cast so.
    expect(caster.casts.every(({ deliveries }) => deliveries.length === 1)).toBe(true)
  })

  it('is made once in a run, whatever is asked again, and does in earnest what a dry run tells', async () => {
    const journal = await openOn(engine)
    const events = Array.from({ length: 60 }, (_, i) => decided(['a'], { tag: String(i) }))
    for (let i = 0; i < events.length; i += 3) await journal.commit(submission(events.slice(i, i + 3)))
    await journal.record(events.filter((_, i) => i % 5 !== 0).map(({ id }) => end(id, 'failed')))
    const [servers, caster] = [createServerMap(), createScriptedCaster()]
    // What is open stays so meanwhile.
    caster.script = () => ({ kind: 'away', reason: 'not yet' })
    for (const [i, { event }] of events.entries()) servers.places.set(event.serverId, placeOf(i))
    const { replayer } = await replayStage(journal, { servers, caster })
    const told = (answers: Awaited<ReturnType<typeof replayAll>>) => answers.map(({ record, fate }) => [record.id, fate.kind])
    const query = { host: a, untilUs: Date.now() * 1000 }
    const dry = await replayAll(replayer, query, { isDry: true, limit: 7 })
    expect((await journal.search({ limit: 1000 })).length).toBe(events.length)
    const run = newRun()
    const page = { ...query, limit: 25 }
    const both = await Promise.allSettled([replayer.page(page, order(run)), replayer.page(page, order(run))])
    expect(both.some(({ status }) => status === 'fulfilled')).toBe(true)
    const done = await replayAll(replayer, query, { run, limit: 7 })
    expect(told(done).map(([id, kind]) => [id, kind === 'done' ? 'replayed' : kind])).toEqual(told(dry))
    expect(done.slice(0, 25).some(({ fate }) => fate.kind === 'replayed')).toBe(false)
    const all = await journal.search({ limit: 1000, order: 'oldest' })
    const replayed = told(dry).filter(([, kind]) => kind === 'replayed')
    expect(all.flatMap(({ replay }) => replay?.of ?? [])).toEqual(replayed.map(([id]) => id))
    // Another run does it again, and both are in the story.
    expect(told(await replayAll(replayer, query))).toEqual(told(dry))
    const [[first] = []] = replayed
    expect((await journal.event(first as EventId))?.replays.map((each) => each.run === run)).toEqual([true, false])
  })

  it('waits to be located where the cell of its server is away', async () => {
    const journal = await openOn(engine)
    const event = decided(['a'])
    await journal.commit(submission([event]))
    await journal.record([end(event.id, 'expired')])
    const { replayer, servers, caster } = await replayStage(journal)
    const cell = 'c0ffee00-0000-4000-8000-000000000000' as CellId
    servers.places.set(event.event.serverId, { kind: 'unlocated', cell, reason: 'away' })
    expect((await replayer.one(event.id, order()))?.fate).toMatchObject({ kind: 'replayed', destinations: [] })
    servers.places.set(event.event.serverId, on('a'))
    await until(() => caster.casts.length === 1, 30_000)
    expect(caster.casts[0]?.deliveries[0].event).toEqual(event.event)
  })
})
