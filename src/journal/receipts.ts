import type { Receipt } from './journal.ts'
import { STATE_NUMBERS } from './states.ts'

/** What the host said of a delivery in the state of this number: its time is that of the delivery's end. */
export function toReceipt(number: number, reason: string | null): { readonly isSaid: boolean; readonly receipt: Receipt | null } {
  switch (number) {
    case STATE_NUMBERS.acknowledged:
      return { isSaid: true, receipt: null }
    case STATE_NUMBERS.applied:
      return { isSaid: true, receipt: { kind: 'applied' } }
    case STATE_NUMBERS.failedThere:
      return { isSaid: true, receipt: { kind: 'failed', reason: reason ?? '' } }
    default:
      return { isSaid: false, receipt: null }
  }
}
