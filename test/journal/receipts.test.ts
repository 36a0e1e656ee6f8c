import { expect, it } from 'vitest'
import type { EventId } from '../../src/events/event.ts'
import type { Receipt, Receipts } from '../../src/journal/journal.ts'
import { describeEngines, placeOn } from './engines.ts'
import { decided, hostName, submission } from './submissions.ts'

const a = hostName('a')

describeEngines('a receipt', (engine) => {
  it('says what became of a delivery, once, over restarts, and is found by the state it ends in', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const events = Array.from({ length: 5 }, () => decided(['a', 'b']))
    const [done, good, bad, plain, open] = events.map(({ id }) => id) as [EventId, EventId, EventId, EventId, EventId]
    await store.commit(submission(events))
    const about = { host: a, atUs: 1 }
    await store.record([
      { kind: 'returned', eventId: bad, reason: 'not acknowledged in time', ...about },
      { kind: 'failed', eventId: done, reason: 'can never be made', ...about },
    ])
    const receipts: Receipts = new Map<EventId, Receipt>([
      [done, { kind: 'failed', reason: 'too late to say' }],
      [good, { kind: 'applied' }],
      [bad, { kind: 'failed', reason: 'no such port: \u0001 ü' }],
    ])
    expect(await store.acknowledge(a, [done, good, bad, plain], 7, receipts)).toEqual({ ended: [good, bad, plain], unknown: [] })
    const repeated = new Map<EventId, Receipt>([[bad, { kind: 'applied' }]])
    expect(await store.acknowledge(a, [bad], 9, repeated)).toEqual({ ended: [], unknown: [] })
    await store.close()
    const reopened = await place.open()
    const storyOf = async (id: EventId) => (await reopened.event(id))?.deliveries.find(({ host }) => host === a)
    const reason = 'no such port: \u0001 ü'
    expect(await storyOf(done)).toMatchObject({
      state: 'failed',
      lastError: 'can never be made',
      receipt: null,
      acknowledgedAtUs: null,
    })
    expect(await storyOf(good)).toMatchObject({
      state: 'acknowledged',
      lastError: null,
      receipt: { kind: 'applied' },
      acknowledgedAtUs: 7,
    })
    expect(await storyOf(bad)).toMatchObject({
      state: 'failed',
      lastError: reason,
      receipt: { kind: 'failed', reason },
      acknowledgedAtUs: 7,
    })
    expect(await storyOf(plain)).toMatchObject({ state: 'acknowledged', receipt: null, acknowledgedAtUs: 7 })
    expect(await storyOf(open)).toMatchObject({ state: 'pending', receipt: null, acknowledgedAtUs: null })
    const found = async (state: 'acknowledged' | 'failed') =>
      (await reopened.search({ state, limit: 10, order: 'oldest' })).map(({ id }) => id)
    expect(await found('acknowledged')).toEqual([good, plain])
    expect(await found('failed')).toEqual([done, bad])
    expect(await reopened.host(a)).toMatchObject({ pending: 1, dispatched: 0 })
  })
})
