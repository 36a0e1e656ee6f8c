import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { CastResult } from '../../src/cast/cast.ts'
import type { CellId, ServerId } from '../../src/events/event.ts'
import type { EventName } from '../../src/events/names.ts'
import type { DecidedEvent } from '../../src/journal/journal.ts'
import { decided, hostName } from '../journal/journal-file.ts'
import { type ScriptedCaster, type Stage, scriptedStage, until } from './stage.ts'

const SILENT = ['s1' as CellId, 's2' as CellId]
const BUSY = 'busy' as CellId
/** More than may wait for their results at once, of all cells together. */
const MANY = 5000

/** An event of a server of its own on this host. */
function eventOn(
  { servers }: Stage<ScriptedCaster>,
  host: string,
  cell: CellId,
  name: EventName = 'network-changed',
): DecidedEvent {
  const serverId = randomUUID() as ServerId
  const destination = { host: hostName(host), cell }
  servers.places.set(serverId, { kind: 'located', destinations: [destination], instance: null })
  const event = decided([], { serverId, name })
  return { ...event, outcome: { kind: 'accepted', code: 200, destinations: [destination] } }
}

const castOf = ({ caster }: Stage<ScriptedCaster>, cell: CellId) => caster.casts.filter((cast) => cast.cell === cell)

it('goes on in a cell while the brokers of others are silent, however much waits for those, and there when they speak', async () => {
  const stage = await scriptedStage({ sweepMs: 60_000 })
  const { journal, caster, post } = stage
  const ends: ((result: CastResult) => void)[] = []
  caster.script = ({ cell }) => (cell === BUSY ? { kind: 'taken' } : new Promise((resolve) => ends.push(resolve)))
  for (const cell of SILENT)
    for (let i = 0; i < MANY; i += 1000)
      await post(Array.from({ length: 1000 }, (_, j) => eventOn(stage, `${cell}-${i + j}`, cell)))
  for (const cell of SILENT) expect(castOf(stage, cell).length).toBeGreaterThan(500)
  expect(ends.length).toBeLessThan(MANY + 1000)

  const [first, awaited] = [eventOn(stage, 'b1', BUSY), eventOn(stage, 'b2', BUSY, 'network-vif-plugged')]
  await post([first, awaited])
  expect(castOf(stage, BUSY)).toHaveLength(2)
  // More than its window has room for, so that it is read from the journal.
  const burst = Array.from({ length: 300 }, () => eventOn(stage, 'b3', BUSY))
  await post(burst)
  expect(castOf(stage, BUSY)).toHaveLength(3)
  await until(async () => ((await journal.host(hostName('b3')))?.pending ?? 0) === 0, 30_000)

  caster.script = () => ({ kind: 'taken' })
  for (const end of ends) end({ kind: 'taken' })
  await until(async () => (await journal.hosts(null, 1)).length === 0, 120_000)
}, 180_000)
