import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { EventId, ServerId } from '../../src/events/event.ts'
import type { Receipt } from '../../src/journal/journal.ts'
import { decided, hostName } from '../journal/journal-file.ts'
import { follow } from './agent.ts'
import { statesOf, streamStage, until } from './stage.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001' as ServerId
const B = 'bbbbbbbb-0000-4000-8000-000000000002' as ServerId

const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id)

describe('a host whose agent follows', () => {
  it('gets what is accepted in the same turn, as the wire has it', async () => {
    const { journal, caster, post } = await streamStage()
    const agent = follow(caster, 'h1')
    await sleep(20)
    // Reads are answered in order: with this one, what was read for the agent that came.
    await journal.open(hostName('h1'), null, 1)
    expect(agent.text).toBe('retry: 1000\n\n')
    const event = decided(['h1'], { name: 'network-vif-plugged', tag: 'port\n1', serverId: A })
    const posted = await post([event], { receivedAtUs: 1_764_000_000_123_456, globalRequestId: 'req-g' })
    expect(agent.messages).toEqual([
      {
        id: event.id,
        event: 'external-event',
        data: {
          ...{ id: event.id, server_uuid: A, name: 'network-vif-plugged', status: 'completed', tag: 'port\n1' },
          ...{ request_id: posted.requestId, global_request_id: 'req-g' },
          ...{ accepted_at: '2025-11-24T16:00:00.123456Z', attempt: 1 },
        },
      },
    ])
  })

  it('ends deliveries by acknowledging them', async () => {
    const { journal, caster, post, happenings } = await streamStage()
    const seen: string[] = []
    happenings.watch((happening) => void seen.push(happening.kind))
    const agent = follow(caster, 'h1')
    const events = [decided(['h1']), decided(['h1'])]
    await post(events)
    await until(async () => (await statesOf(journal, events)).join() === 'h1 dispatched,h1 dispatched')
    expect(await agent.ack(...idsOf(events), 'nonsense')).toEqual({ ended: idsOf(events), unknown: ['nonsense'] })
    expect(await statesOf(journal, events)).toEqual(['h1 acknowledged', 'h1 acknowledged'])
    expect(seen).toEqual(['dispatched', 'acknowledged'])
    expect((await journal.event(events[0]?.id as never))?.deliveries[0]).toMatchObject({ attempts: 1 })
  })

  it('ends deliveries by saying what came of them, which makes room for others and is told', async () => {
    const { journal, caster, post, happenings } = await streamStage({ window: 2 })
    const told: unknown[] = []
    happenings.watch((happening) => {
      if (happening.kind !== 'accepted' && happening.kind !== 'dispatched') told.push({ ...happening, atUs: 0 })
    })
    const agent = follow(caster, 'h1')
    const events = [decided(['h1']), decided(['h1']), decided(['h1'])]
    await post(events)
    await until(() => agent.ids.length === 2)
    const [one, other, third] = events.map(({ id }) => id) as [EventId, EventId, EventId]
    const receipts = new Map<EventId, Receipt>([
      [one, { kind: 'failed', reason: 'no such port' }],
      [other, { kind: 'applied' }],
    ])
    expect(await caster.acknowledge(hostName('h1'), [one, other], receipts)).toEqual({ ended: [one, other], unknown: [] })
    await until(() => agent.ids.length === 3)
    expect(agent.ids.at(-1)).toBe(third)
    await until(async () => (await statesOf(journal, events)).join() === 'h1 failed,h1 acknowledged,h1 dispatched')
    const step = { host: 'h1', atUs: 0, receipts }
    expect(told).toEqual([
      { kind: 'acknowledged', eventIds: [other], ...step },
      { kind: 'failed', eventIds: [one], ...step },
    ])
    expect(await caster.acknowledge(hostName('h1'), [one, other])).toEqual({ ended: [], unknown: [] })
    expect(told).toHaveLength(2)
  })

  it('gets no more than its window before it acknowledges, and the rest in order', async () => {
    const { caster, post } = await streamStage({ window: 3 })
    const agent = follow(caster, 'h1')
    const events = Array.from({ length: 10 }, () => decided(['h1']))
    await post(events.slice(0, 7))
    await post(events.slice(7))
    await until(() => agent.ids.length >= 3)
    await sleep(50)
    expect(agent.ids).toEqual(idsOf(events.slice(0, 3)))
    for (let i = 0; i < 10; i++) {
      await until(() => agent.ids.length > i)
      expect(agent.ids.length).toBeLessThanOrEqual(i + 3)
      await agent.ack(agent.ids[i] as string)
    }
    expect(agent.ids).toEqual(idsOf(events))
  })

  it('gets again what it does not acknowledge in time, with all that stands behind it for the same server', async () => {
    const { journal, caster, post } = await streamStage({ ackTimeoutMs: 1500 })
    const agent = follow(caster, 'h1')
    const [a1, b1, a2] = [decided(['h1'], { serverId: A }), decided(['h1'], { serverId: B }), decided(['h1'], { serverId: A })]
    await post([a1])
    await post([b1, a2])
    await until(() => agent.ids.length === 3)
    await agent.ack(b1.id)
    await until(() => agent.ids.length >= 5)
    expect(agent.ids).toEqual(idsOf([a1, b1, a2, a1, a2]))
    expect(agent.messages.map(({ data }) => data['attempt'])).toEqual([1, 1, 1, 2, 2])
    await agent.ack(a1.id, a2.id)
    expect((await journal.event(a1.id))?.deliveries[0]).toMatchObject({
      ...{ state: 'acknowledged', attempts: 2, lastError: 'not acknowledged within 1.5 s' },
    })
  })
})

describe('a host whose agent comes and goes', () => {
  it('finds what waited for it, in order, before what is new', async () => {
    const { journal, caster, post } = await streamStage()
    const events = Array.from({ length: 600 }, () => decided(['h1']))
    for (let i = 0; i < 600; i += 50) await post(events.slice(i, i + 50))
    expect(new Set(await statesOf(journal, events.slice(0, 3)))).toEqual(new Set(['h1 pending']))
    const agent = follow(caster, 'h1')
    const late = decided(['h1'])
    await post([late])
    let acked = 0
    while (acked < 601) {
      await until(() => agent.ids.length > acked)
      const fresh = agent.ids.slice(acked)
      await agent.ack(...fresh)
      acked += fresh.length
    }
    expect(agent.ids).toEqual(idsOf([...events, late]))
  })

  it('gets again what it had not acknowledged when the connection was lost', async () => {
    const { journal, caster, post } = await streamStage()
    const first = follow(caster, 'h1')
    const events = Array.from({ length: 5 }, () => decided(['h1'], { serverId: A }))
    await post(events)
    await until(() => first.ids.length === 5)
    await first.ack(events[0]?.id as string)
    first.disconnect()
    expect(caster.isConnected('h1' as never)).toBe(false)
    await until(async () => (await journal.event(events[4]?.id as never))?.deliveries[0]?.lastError?.includes('lost') ?? false)
    const late = decided(['h1'], { serverId: A })
    await post([late])
    const second = follow(caster, 'h1')
    await until(() => second.ids.length === 5)
    expect(second.ids).toEqual(idsOf([...events.slice(1), late]))
    expect(second.messages.map(({ data }) => data['attempt'])).toEqual([2, 2, 2, 2, 1])
  })

  it('does not get again what it says it saw last before the time-out is over', async () => {
    const { caster, post } = await streamStage({ ackTimeoutMs: 1500 })
    const first = follow(caster, 'h1')
    const events = Array.from({ length: 4 }, () => decided(['h1']))
    await post(events.slice(0, 3))
    await until(() => first.ids.length === 3)
    first.disconnect()
    await post(events.slice(3))
    const second = follow(caster, 'h1', events[1]?.id)
    await until(() => second.ids.length === 2)
    expect(second.ids).toEqual(idsOf(events.slice(2)))
    await second.ack(...second.ids)
    await until(() => second.ids.length === 4)
    expect(second.ids.slice(2)).toEqual(idsOf(events.slice(0, 2)))
  })

  it('gets at once what was sent to it behind what it saw last, though that was accepted later', async () => {
    const { caster, post } = await streamStage()
    const [slow, urgent] = [decided(['h1']), decided(['h1'], { name: 'network-vif-plugged', tag: 'port' })]
    await post([slow, urgent])
    const first = follow(caster, 'h1')
    await until(() => first.ids.length === 2)
    expect(first.ids).toEqual(idsOf([urgent, slow]))
    first.disconnect()
    const second = follow(caster, 'h1', urgent.id)
    await until(() => second.ids.length === 1)
    expect(second.ids).toEqual(idsOf([slow]))
  })

  it('gets at once what was not written before its connection was lost, whatever went out again behind it', async () => {
    const { caster, post } = await streamStage({ ackTimeoutMs: 100 })
    const first = follow(caster, 'h1')
    const [seen, unwritten] = [decided(['h1']), decided(['h1'])]
    await post([seen])
    await until(() => first.ids.length >= 1)
    first.isFull = true
    await post([decided(['h1'])])
    await post([unwritten])
    await sleep(300)
    expect(first.ids).not.toContain(unwritten.id)
    first.disconnect()
    const second = follow(caster, 'h1', seen.id)
    await until(() => second.ids.includes(unwritten.id))
  })

  it('passes over a Last-Event-ID that is none', async () => {
    const { caster, post } = await streamStage()
    const event = decided(['h1'])
    await post([event])
    const agent = follow(caster, 'h1', '…')
    await until(() => agent.ids.length === 1)
  })

  it('is told when another agent takes its place, which gets what the first did not acknowledge', async () => {
    const { caster, post } = await streamStage()
    const first = follow(caster, 'h1')
    const event = decided(['h1'])
    await post([event])
    await until(() => first.ids.length === 1)
    const second = follow(caster, 'h1')
    expect(first.messages.at(-1)).toEqual({ id: null, event: 'replaced', data: {} })
    expect(first.isEnded).toBe(true)
    await until(() => second.ids.length === 1)
    expect(caster.connected).toBe(1)
    await post([decided(['h1'])])
    expect([first.ids.length, second.ids.length]).toEqual([1, 2])
  })
})

describe('a slow reader', () => {
  it('is written no more than it takes, and gets the rest in order when it goes on', async () => {
    const { caster, post } = await streamStage({ window: 5 })
    const agent = follow(caster, 'h1')
    agent.isFull = true
    const events = Array.from({ length: 20 }, () => decided(['h1']))
    for (const event of events) await post([event])
    await sleep(30)
    expect(agent.ids.length).toBe(1)
    agent.drain()
    await until(() => agent.ids.length === 5)
    for (let acked = 0; acked < 20; acked++) {
      await until(() => agent.ids.length > acked)
      await agent.ack(agent.ids[acked] as string)
    }
    expect(agent.ids).toEqual(idsOf(events))
  })
})
