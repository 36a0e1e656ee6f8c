import { expect, it, onTestFinished } from 'vitest'
import { createBrokers } from '../../../src/cast/rabbitmq/brokers.ts'
import type { HostName } from '../../../src/events/event.ts'
import { createLog } from '../../../src/observe/log.ts'
import { CELL } from '../../nova/captures.ts'
import { type CellTable, cellTable, QUICK } from './rig.ts'

const MESSAGE = { host: 'a' as HostName, routingKey: 'compute.a', uniqueId: '1', body: Buffer.from('{}') }
const CLOSED = { kind: 'away', reason: 'its link is closed: novacast stops, or the cell is gone' }

/** The link to a cell whose broker is not there, tried by then. */
async function linkOf(cells: CellTable, sweepMs: number) {
  const log = createLog({ level: 'silent' })
  const brokers = createBrokers({ cells, rabbit: QUICK, exchange: 'nova', log, onBack: () => {}, sweepMs })
  onTestFinished(() => brokers.close())
  const broker = await brokers.of(CELL)
  if (broker.kind !== 'link') throw new Error(`expected a link, not ${broker.reason}`)
  expect(await broker.link.publish(MESSAGE)).toEqual({ kind: 'away', reason: expect.stringContaining('127.0.0.1:1') })
  return { brokers, link: broker.link }
}

it('closes the link to a cell that is gone, when that is noticed', async () => {
  const cells = cellTable('rabbit://guest:guest@127.0.0.1:1/')
  const { brokers, link } = await linkOf(cells, 60_000)
  const [row] = cells.rows.values()
  cells.rows.clear()
  expect(await brokers.of(CELL)).toEqual({ kind: 'away', reason: `no row of cell_mappings has the uuid ${CELL}` })
  expect(await link.publish(MESSAGE)).toEqual(CLOSED)
  if (row !== undefined) cells.rows.set(CELL, row)
  expect(await brokers.of(CELL)).toMatchObject({ kind: 'link', link: expect.not.objectContaining(link) })
})

it('closes the link to a cell that is gone, also when nobody asks for it', async () => {
  const cells = cellTable('rabbit://guest:guest@127.0.0.1:1/')
  const { brokers, link } = await linkOf(cells, 20)
  const all = Promise.withResolvers<void>()
  const rows = cells.all
  Object.assign(cells, { all: () => rows().finally(all.resolve) })
  await all.promise
  expect(await brokers.of(CELL)).toMatchObject({ link })
  cells.rows.clear()
  await expect.poll(() => link.publish(MESSAGE), { timeout: 30_000 }).toEqual(CLOSED)
})
