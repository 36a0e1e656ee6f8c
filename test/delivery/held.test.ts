import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Journal } from '../../src/journal/journal.ts'
import { decided, openJournal } from '../journal/journal-file.ts'
import { createScriptedCaster, createServerMap, on, setStage, statesOf, until } from './stage.ts'

it('counts each try of what is refused, however long the journal takes to write it down', async () => {
  const sound = await openJournal()
  const gate = Promise.withResolvers<void>()
  let isReached = false
  const journal: Journal = {
    ...sound,
    record: async (steps) => {
      if (steps.some(({ kind }) => kind === 'rejected')) {
        isReached = true
        await gate.promise
      }
      return sound.record(steps)
    },
  }
  const caster = createScriptedCaster()
  caster.script = () => ({ kind: 'refused', reason: 'the row is too long' })
  const servers = createServerMap()
  const stage = await setStage({ journal, caster, servers, config: { maxAttempts: 3 } })
  const event = decided(['h1'])
  servers.places.set(event.event.serverId, on('h1'))
  await stage.post([event])
  await until(() => isReached)
  // Long enough for several tries.
  await sleep(500)
  expect(caster.casts).toHaveLength(1)
  gate.resolve()
  await until(async () => (await statesOf(journal, [event])).join() === 'h1 failed', 30_000)
  expect(caster.casts).toHaveLength(3)
  expect((await journal.event(event.id))?.deliveries[0]).toMatchObject({ lastError: 'the row is too long, 3 times' })
})

it('waits for what only its server needs, without using up a try, and keeps no other server of its host waiting', async () => {
  const journal = await openJournal()
  const caster = createScriptedCaster()
  const servers = createServerMap()
  const stage = await setStage({ journal, caster, servers, config: { maxAttempts: 2, retry: { firstMs: 20, mostMs: 100 } } })
  const [extended, behind, other] = [decided(['h1']), decided(['h1']), decided(['h1'])]
  const inOrder = [extended, { ...behind, event: { ...behind.event, serverId: extended.event.serverId } }, other] as const
  for (const { event } of inOrder) servers.places.set(event.serverId, on('h1'))
  let isReady = false
  const isOf = ({ id }: typeof extended, { deliveries }: (typeof caster.casts)[number]) =>
    deliveries.some(({ eventId }) => eventId === id)
  caster.script = (cast) =>
    isReady || !isOf(extended, cast) ? { kind: 'taken' } : { kind: 'unready', reason: 'the database is read-only' }
  for (const each of inOrder) await stage.post([each])
  await until(async () => (await statesOf(journal, inOrder)).join() === 'h1 pending,h1 pending,h1 dispatched')
  await until(() => caster.casts.filter((cast) => isOf(extended, cast)).length > 4)
  expect((await journal.event(extended.id))?.deliveries[0]).toMatchObject({ lastError: 'the database is read-only' })
  isReady = true
  await until(async () => (await statesOf(journal, inOrder)).every((state) => state === 'h1 dispatched'))
  const last = (event: typeof extended) => caster.casts.findLastIndex((cast) => isOf(event, cast))
  expect(last(behind)).toBeGreaterThan(last(extended))
})
