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
