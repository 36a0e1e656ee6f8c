import { expect, it } from 'vitest'
import type { CellId, Destination, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { decided, hostName, openJournal, submission } from '../journal/journal-file.ts'
import { createScriptedCaster, createServerMap, setStage, statesOf, until } from './stage.ts'

const CELL = 'c1' as CellId

function deferred(): DecidedEvent {
  return { ...decided([]), outcome: { kind: 'deferred', code: 200, cell: CELL, reason: 'connection refused' } }
}

it('locates what another process left behind, though it was locating its own when it took over', async () => {
  const sound = await openJournal()
  const servers = createServerMap()
  const gate = Promise.withResolvers<void>()
  let isGated = false
  let gated = 0
  let takeovers = 0
  let reloads = 0
  const journal: Journal = {
    ...sound,
    takeovers: () => takeovers,
    unlocated: async (...about) => {
      const page = await sound.unlocated(...about)
      if (isGated && ++gated === 1) await gate.promise
      return page
    },
    parked: (...about) => {
      reloads++
      return sound.parked(...about)
    },
  }
  const stage = await setStage({ journal, caster: createScriptedCaster(), servers })
  const [own, inherited] = [deferred(), deferred()]
  isGated = true
  await stage.post([own])
  // A pass has begun, and has read what there is.
  await until(() => gated === 1)
  await sound.commit(submission([inherited]))
  const before = reloads
  takeovers++
  await until(() => reloads > before)
  const there = { host: hostName('h1'), cell: CELL } satisfies Destination
  const place = (serverId: ServerId) => servers.places.set(serverId, { kind: 'located', destinations: [there], instance: null })
  for (const { event } of [own, inherited]) place(event.serverId)
  gate.resolve()
  await until(async () => (await statesOf(journal, [own, inherited])).join() === 'h1 dispatched,h1 dispatched')
  expect(gated).toBeGreaterThan(1)
})
