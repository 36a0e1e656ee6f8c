import { expect, it } from 'vitest'
import type { EventId } from '../../src/events/event.ts'
import { type DecidedEvent, JournalUnavailable } from '../../src/journal/journal.ts'
import { describeEngines, openOn, placeOn } from './engines.ts'
import { askedPlaceOn } from './rows.ts'
import { decided, hostName, newEventId, submission } from './submissions.ts'

const newRun = () => `req-${crypto.randomUUID()}`
const replayOf = (of: EventId, run: string): DecidedEvent => ({ ...decided(['b']), replay: { of, run } })

describeEngines('a replay', (engine) => {
  it('is an event that says what it repeats, and the original names it, over restarts', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const [original, other] = [decided(['a']), decided(['a'])]
    await store.commit(submission([original, other]))
    const [run, later] = [newRun(), newRun()]
    const [first, second] = [replayOf(original.id, run), replayOf(original.id, later)]
    await store.commit(submission([first], { globalRequestId: run, receivedAtUs: 5 }))
    await store.commit(submission([decided(['c']), second], { receivedAtUs: 6 }))
    await store.close()
    const reopened = await place.open()
    const replays = [
      { id: first.id, run, atUs: 5 },
      { id: second.id, run: later, atUs: 6 },
    ]
    expect(await reopened.event(original.id)).toMatchObject({ replay: null, replays })
    expect(await reopened.event(other.id)).toMatchObject({ replay: null, replays: [] })
    expect(await reopened.event(first.id)).toMatchObject({ replay: { of: original.id, run }, replays: [] })
    const found = await reopened.search({ limit: 10, order: 'oldest' })
    expect(found.map((each) => [each.replay?.of ?? null, each.replays])).toEqual([
      [null, replays],
      [null, []],
      [original.id, []],
      [null, []],
      [original.id, []],
    ])
    expect((await reopened.search({ requestId: run, limit: 10 })).map(({ id }) => id)).toEqual([first.id])
  })

  it('is removed as any event is when its time has come, and outlives what it repeats', async () => {
    const { open, orphans } = await askedPlaceOn(engine)
    const store = await open()
    const original = decided(['a'])
    const replay = replayOf(original.id, newRun())
    await store.commit(submission([original], { receivedAtUs: 1000 }))
    await store.commit(submission([replay], { receivedAtUs: 2000 }))
    for (const [host, { id }] of [['a', original] as const, ['b', replay] as const])
      await store.acknowledge(hostName(host), [id], 1)
    const removeBefore = async (beforeUs: number) => {
      for (let from: number | null = 0; from !== null; ) from = (await store.retain(beforeUs, from)).next
    }
    await removeBefore(2000)
    expect(await store.event(original.id)).toBeNull()
    expect(await store.event(replay.id)).toMatchObject({ replay: { of: original.id } })
    await removeBefore(3000)
    expect(await store.event(replay.id)).toBeNull()
    expect(await orphans()).toEqual([])
  })

  it('is made once a run: what would make it again is rejected whole, and nobody else with it', async () => {
    const store = await openOn(engine)
    const original = newEventId()
    const run = newRun()
    await store.commit(submission([replayOf(original, run)]))
    const [with_, before, after] = [decided(['a']), decided(['a']), decided(['a'])]
    const results = await Promise.allSettled([
      store.commit(submission([before])),
      store.commitAll([submission([with_]), submission([replayOf(original, run)])]),
      store.commit(submission([after])),
      store.commit(submission([replayOf(original, newRun())])),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: expect.any(JournalUnavailable) })
    const kept = await Promise.all([before, with_, after].map(({ id }) => store.event(id)))
    expect(kept.map((record) => record !== null)).toEqual([true, false, true])
  })
})

describeEngines('several submissions', (engine) => {
  it('are committed together, in their order, each as a request of its own', async () => {
    const store = await openOn(engine)
    const posts = Array.from({ length: 50 }, (_, i) => submission(Array.from({ length: 1 + (i % 30) }, () => decided(['a']))))
    expect(await store.commitAll([])).toEqual([])
    expect(await store.commitAll([submission([])])).toEqual([[]])
    expect(await store.commitAll(posts)).toEqual(posts.map(() => []))
    const found = await store.search({ limit: 1000, order: 'oldest' })
    expect(found.map(({ id, requestId }) => [id, requestId])).toEqual(
      posts.flatMap(({ events, requestId }) => events.map(({ id }) => [id, requestId])),
    )
  })
})
