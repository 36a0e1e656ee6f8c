import { describe, expect, it } from 'vitest'
import type { Cast } from '../../../src/cast/cast.ts'
import type { NovaDelivery } from '../../../src/cast/rabbitmq/cast-messages.ts'
import { createActionRecorder } from '../../../src/cast/rabbitmq/record-actions.ts'
import type { CellId } from '../../../src/events/event.ts'
import { ActionRefused } from '../../../src/nova/cells.ts'
import { type Capture, CELL, captures, deliveriesOf, instancesOf, messageOf } from '../../nova/captures.ts'
import { casterOf, castOf, cellTable, instanceOf } from './rig.ts'

const EXTENDED = { name: 'volume-extended', tag: 'volume' } as const

function ables({ deliveries, instances }: Cast): NovaDelivery[] {
  return deliveries.flatMap((delivery) => {
    const instance = instances.get(delivery.event.serverId)
    return instance === undefined ? [] : [{ delivery, instance }]
  })
}

/** What is recorded of a captured request, host by host. */
async function recordedOf(capture: Capture) {
  const cells = cellTable('none:///')
  const recorder = createActionRecorder(cells)
  for (const captured of capture.messages) {
    const message = messageOf(captured.body)
    const instances = instancesOf(message, false)
    const deliveries = deliveriesOf(capture, 'h', new Set(instances.keys()), message)
    await recorder.record(
      ables({ host: deliveries[0]?.host as never, cell: CELL, deliveries: deliveries as never, context: null, instances }),
      false,
    )
  }
  return cells.recorded
}

describe('instance actions', () => {
  it.each(captures.filter(({ actions }) => actions.length > 0))("are Nova's: $name", async (capture) => {
    const recorded = await recordedOf(capture)
    expect(
      recorded.map(({ action }) => ({ ...action, startedAtUs: new Date(action.startedAtUs / 1000).toISOString().slice(0, 19) })),
    ).toEqual(
      capture.actions.map((row) => ({
        instanceUuid: row['instance_uuid'],
        action: row['action'],
        requestId: row['request_id'],
        userId: row['user_id'],
        projectId: row['project_id'],
        startedAtUs: String(row['start_time']).replace(' ', 'T'),
      })),
    )
  })

  it('are none for a request that Nova wrote none for', async () => {
    for (const capture of captures.filter(({ actions }) => actions.length === 0)) expect(await recordedOf(capture)).toEqual([])
  })

  it('are one row for an event that goes to two hosts, at the same time or later, and one for each event', async () => {
    const cells = cellTable('none:///')
    const recorder = createActionRecorder(cells)
    const cast = castOf('a', [EXTENDED, EXTENDED, {}])
    await Promise.all([recorder.record(ables(cast), false), recorder.record(ables(cast), false)])
    await recorder.record(ables(cast), true)
    expect(cells.recorded).toHaveLength(2)
  })

  it("are written in the server's own cell, whichever cell the host is in", async () => {
    const cells = cellTable('none:///')
    const cast = castOf('a', [EXTENDED], { cell: 'other' as CellId })
    await createActionRecorder(cells).record(ables(cast), false)
    expect(cells.recorded.map(({ cell }) => cell)).toEqual([CELL])
    expect(instanceOf().cell).toBe(CELL)
  })

  it('are tried again after a failure, for all who waited', async () => {
    const cells = cellTable('none:///')
    const recorder = createActionRecorder(cells)
    const cast = castOf('a', [EXTENDED])
    cells.trouble = 'the database is read-only'
    const both = await Promise.allSettled([recorder.record(ables(cast), false), recorder.record(ables(cast), false)])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    cells.trouble = null
    await recorder.record(ables(cast), true)
    expect(cells.recorded).toEqual([expect.objectContaining({ unlessThere: true })])
  })

  it('hold back a cast that cannot have them, and it alone: it is unready', async () => {
    const cells = cellTable('rabbit://guest:guest@127.0.0.1:1/')
    cells.trouble = 'the database is read-only'
    const { caster } = casterOf(cells)
    const reason = 'the instance action cannot be written: the database is read-only'
    expect(await caster.cast(castOf('a', [EXTENDED]))).toEqual({ kind: 'unready', reason })
  })

  it('that the database will not have are refused, and not waited for', async () => {
    const cells = cellTable('rabbit://guest:guest@127.0.0.1:1/')
    cells.trouble = new ActionRefused('Data too long for column user_id')
    const { caster } = casterOf(cells)
    const reason = 'the instance action cannot be written: Data too long for column user_id'
    expect(await caster.cast(castOf('a', [EXTENDED]))).toEqual({ kind: 'refused', reason })
  })

  it('of a cast from the journal are written unless they are there', async () => {
    const cells = cellTable('rabbit://guest:guest@127.0.0.1:1/')
    const { caster } = casterOf(cells)
    await caster.cast(castOf('a', [EXTENDED], { context: null }))
    await caster.cast(castOf('a', [EXTENDED]))
    expect(cells.recorded.map(({ unlessThere }) => unlessThere)).toEqual([true, false])
  })
})
