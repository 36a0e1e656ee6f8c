import type { EventId } from '../events/event.ts'
import type { EventRecord } from '../journal/journal.ts'

/** Whether an event can be replayed, as far as its story tells. */
export type Verdict =
  | { readonly kind: 'ready' }
  /** It was replayed in this run already: an earlier answer was lost on its way. */
  | { readonly kind: 'done'; readonly replay: EventId }
  | { readonly kind: 'left-out'; readonly reason: string }
  /** It is one of the replays of this run. */
  | { readonly kind: 'own' }

/** What ended can be replayed, however it ended: each delivery of the event, or the search for its server. */
export function toVerdict(record: EventRecord, run: string): Verdict {
  if (record.replay?.run === run) return { kind: 'own' }
  const done = record.replays.find((replay) => replay.run === run)
  if (done !== undefined) return { kind: 'done', replay: done.id }
  const reason = objectionTo(record)
  return reason === null ? { kind: 'ready' } : { kind: 'left-out', reason }
}

function objectionTo({ code, deferral, deliveries }: EventRecord): string | null {
  const open = deliveries.filter(({ endedAtUs }) => endedAtUs === null)
  if (open.length > 0) return `its delivery to ${open.map(({ host, state }) => `${host} is ${state}`).join(', to ')}`
  if (deferral?.state === 'waiting') return 'its server is still being located'
  if (deferral?.state === 'parked') return 'it is kept until its server gets a host'
  if (deliveries.length > 0 || deferral !== null) return null
  return code === 200 ? 'there was nothing to deliver' : `it was not accepted: the sender was told ${code}`
}
