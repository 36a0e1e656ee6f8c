import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { CellId, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { decided, hostName, openJournal } from '../journal/journal-file.ts'
import { createScriptedCaster, type ScriptedCaster, type Stage, scriptedStage, setStage, statesOf, until } from './stage.ts'

const C1 = 'c1' as CellId
const C2 = 'c2' as CellId
const A = 'aaaaaaaa-0000-4000-8000-000000000001' as ServerId
const B = 'bbbbbbbb-0000-4000-8000-000000000002' as ServerId

const deferred = (serverId: ServerId, cell: CellId): DecidedEvent => ({
  ...decided([], { serverId }),
  outcome: { kind: 'deferred', code: 200, cell, reason: 'connection refused' },
})
const inCell = (host: string, serverId: ServerId, cell: CellId | null): DecidedEvent => ({
  ...decided([], { serverId }),
  outcome: { kind: 'accepted', code: 200, destinations: [{ host: hostName(host), cell }] },
})
const down = (cell: CellId) => ({ kind: 'unlocated', cell, reason: 'connection refused' }) as const
const up = (host: string, cell: CellId) =>
  ({ kind: 'located', destinations: [{ host: hostName(host), cell }], instance: null }) as const

const castIds = ({ caster }: Stage<ScriptedCaster>) =>
  caster.casts.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId))

describe('an event whose server could not be located', () => {
  it('is delivered when its cell is back, and what came later for the cell waits for it', async () => {
    const stage = await scriptedStage()
    const { servers, journal, post } = stage
    servers.places.set(A, down(C1))
    servers.places.set(B, down(C2))
    const [first, second, other] = [deferred(A, C1), deferred(A, C1), deferred(B, C2)]
    for (const event of [first, second, other]) await post([event])
    await until(() => servers.asked > 2)
    expect(castIds(stage)).toEqual([])
    servers.places.set(A, up('h1', C1))
    const third = inCell('h1', A, C1)
    const free = inCell('h9', '99999999-0000-4000-8000-000000000009' as ServerId, null)
    await post([third, free])
    await until(async () => (await statesOf(journal, [first, second, third])).join() === Array(3).fill('h1 dispatched').join())
    const ids = castIds(stage)
    expect(ids[0]).toBe(free.id)
    expect(ids.filter((id) => id !== free.id)).toEqual([first.id, second.id, third.id])
    expect((await journal.event(first.id))?.deferral).toMatchObject({ cell: C1, state: 'located' })
    expect((await journal.event(other.id))?.deferral?.state).toBe('waiting')
  })

  it('is not overtaken where its server moves on while it is being written where that is', async () => {
    const store = await openJournal()
    const { promise: written, resolve: tellWritten } = Promise.withResolvers<void>()
    const { promise: moved, resolve: tellMoved } = Promise.withResolvers<void>()
    const journal: Journal = {
      ...store,
      locate: async (...what) => {
        await store.locate(...what)
        tellWritten()
        await moved
      },
    }
    const { servers, caster, post } = await setStage({ journal, caster: createScriptedCaster() })
    servers.places.set(A, down(C1))
    const first = deferred(A, C1)
    await post([first])
    servers.places.set(A, up('h1', C1))
    await written
    servers.places.set(A, up('h2', C1))
    const second = inCell('h2', A, C1)
    await post([second])
    tellMoved()
    await until(async () => (await statesOf(store, [first, second])).filter((state) => state === 'h2 dispatched').length === 2)
    const there = caster.casts.filter(({ host }) => host === 'h2')
    expect(there.flatMap(({ deliveries }) => deliveries.map(({ eventId }) => eventId))).toEqual([first.id, second.id])
  })

  it('is refused, with the reason in its story, where it turns out to be unknown or without a host', async () => {
    const { servers, journal, post } = await scriptedStage()
    const [unknown, unassigned] = [deferred(A, C1), deferred(B, C1)]
    servers.places.set(B, { kind: 'unassigned' })
    await post([unknown, unassigned])
    await until(async () => (await journal.event(unassigned.id))?.deferral?.state === 'refused')
    expect((await journal.event(unknown.id))?.deferral).toMatchObject({ state: 'refused', reason: 'unknown server' })
    expect((await journal.event(unassigned.id))?.deferral?.reason).toBe('the server is on no host')
  })

  it('expires when its time is over', async () => {
    const { servers, journal, post } = await scriptedStage()
    servers.places.set(A, down(C1))
    const event = { ...deferred(A, C1), event: { ...deferred(A, C1).event, name: 'power-update' as const, tag: 'POWER_ON' } }
    await post([event], { receivedAtUs: (Date.now() - 61_000) * 1000 })
    await until(async () => (await journal.event(event.id))?.deferral?.state === 'expired')
  })

  it('is not asked for more often than its cell can bear', async () => {
    const { servers, post } = await scriptedStage({ retry: { firstMs: 300, mostMs: 30_000 } })
    servers.places.set(A, down(C1))
    for (let i = 0; i < 20; i++) await post([deferred(A, C1)])
    await sleep(1000)
    expect(servers.asked).toBeLessThanOrEqual(5)
  })
})
