import { expect, it } from 'vitest'
import type { CellId, Destination, HostName, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { decided, hostName, openJournal, submission } from '../journal/journal-file.ts'
import { createScriptedCaster, createServerMap, on, setStage, statesOf, until } from './stage.ts'

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

it('keeps the order of a server that moves after what another process left for it was taken over', async () => {
  const sound = await openJournal()
  let takeovers = 0
  let claimed: readonly HostName[] = []
  const journal: Journal = {
    ...sound,
    takeovers: () => takeovers,
    claim: async () => {
      const told = claimed
      claimed = []
      return told
    },
  }
  // What waits for the old host is not tried again by itself.
  const retry = { firstMs: 600_000, mostMs: 600_000 }
  const stage = await setStage({ journal, caster: createScriptedCaster(), config: { retry } })
  const { caster, servers } = stage
  caster.script = ({ host }) => (host === 'a' ? { kind: 'returned', reason: 'no queue' } : { kind: 'taken' })
  const old = decided(['a'])
  servers.places.set(old.event.serverId, on('a'))
  await sound.commit(submission([old]))
  claimed = [hostName('a')]
  takeovers++
  await until(() => caster.casts.length === 1)

  servers.places.set(old.event.serverId, on('b'))
  const next = decided(['b'], { serverId: old.event.serverId })
  await stage.post([next])
  await until(async () => (await statesOf(journal, [next])).join() === 'b dispatched')
  const toB = caster.casts.filter(({ host }) => host === 'b').flatMap(({ deliveries }) => deliveries)
  expect(toB.map(({ eventId }) => eventId)).toEqual([old.id, next.id])
})
