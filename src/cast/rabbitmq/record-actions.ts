import { LRUCache } from 'lru-cache'
import type { CellId, EventId } from '../../events/event.ts'
import { errandOf } from '../../nova/action.ts'
import type { InstanceAction, NovaCells } from '../../nova/cells.ts'
import type { NovaDelivery } from './cast-messages.ts'

/** Writes the rows of `instance_actions` that nova-compute looks up for volume-extended and power-update. */
export interface ActionRecorder {
  /**
   * Resolves when each of these deliveries that needs a row has it. One row for an event, however many hosts it goes to and however
   * often it is tried: that is remembered for the last events; `isRepeat` asks the database too. Rejects when it cannot be written.
   */
  record(deliveries: readonly NovaDelivery[], isRepeat: boolean): Promise<void>
}

/** Events of which it is remembered that their row is written, or is being written. */
const REMEMBERED = 10_000

interface Row {
  readonly eventId: EventId
  readonly cell: CellId
  readonly action: InstanceAction
}

/** A recorder with a memory of its own. */
export function createActionRecorder(cells: NovaCells): ActionRecorder {
  const written = new LRUCache<EventId, Promise<void>>({ max: REMEMBERED })

  function write(cell: CellId, rows: readonly Row[], unlessThere: boolean): Promise<void> {
    const actions = rows.map(({ action }) => action)
    const writing = cells.recordActions(cell, actions, { unlessThere })
    for (const { eventId } of rows) written.set(eventId, writing)
    return writing.catch((error: unknown) => {
      for (const { eventId } of rows) written.delete(eventId)
      throw error
    })
  }

  return {
    record: async (deliveries, isRepeat) => {
      const rows = deliveries.flatMap(rowOf)
      if (rows.length === 0) return
      const underWay = rows.flatMap(({ eventId }) => written.get(eventId) ?? [])
      const fresh = Map.groupBy(
        rows.filter(({ eventId }) => !written.has(eventId)),
        ({ cell }) => cell,
      )
      await Promise.all([...underWay, ...[...fresh].map(([cell, ofCell]) => write(cell, ofCell, isRepeat))])
    },
  }
}

/** In the server's own cell, whichever cell the host is in: there the server's rows are. */
function rowOf({ delivery, instance }: NovaDelivery): Row[] {
  const { event, eventId, requestId, receivedAtUs, sender } = delivery
  const errand = errandOf(event)
  if (errand.kind !== 'action') return []
  const { userId, projectId } = sender
  const action = { instanceUuid: event.serverId, action: errand.action, requestId, userId, projectId, startedAtUs: receivedAtUs }
  return [{ eventId, cell: instance.cell, action }]
}
