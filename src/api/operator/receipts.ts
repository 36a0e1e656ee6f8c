import type { EventId } from '../../events/event.ts'
import type { Receipt, Receipts } from '../../journal/journal.ts'
import { ApiError } from '../errors.ts'
import type { WireAcknowledgement, WireReceipt } from './wire.ts'

/** What a host has dealt with, and what it says of some of it. */
interface Acknowledged {
  readonly ids: readonly EventId[]
  readonly receipts: Receipts
}

/** Reads what a host acknowledges. Throws a `badRequest` where it says nothing, or two things of one event. */
export function readAcknowledgement({ ids = [], receipts = [] }: WireAcknowledgement): Acknowledged {
  if (ids.length + receipts.length === 0) throw new ApiError('badRequest', 'body: expected ids or receipts, got neither')
  const said = new Map<EventId, Receipt>()
  for (const [i, receipt] of receipts.entries()) {
    if (said.has(receipt.id))
      throw new ApiError('badRequest', `body receipts[${i}] id: expected each id once, got ${receipt.id} again`)
    said.set(receipt.id, receipt.result === 'failed' ? { kind: 'failed', reason: receipt.reason } : { kind: 'applied' })
  }
  return { ids: said.size === 0 ? ids : [...said.keys(), ...ids.filter((id) => !said.has(id))], receipts: said }
}

/** A receipt in the words of the wire. */
export function renderReceipt(receipt: Receipt): WireReceipt {
  return { result: receipt.kind, reason: receipt.kind === 'failed' ? receipt.reason : null }
}
