/**
 * What became of each event, by its number: the tag that it carries. Arrays of bytes, so that the account of millions of events does
 * not grow with what it measures.
 */
export interface Ledger {
  /** A number of its own for an event that is about to be sent. */
  next(): number
  accepted(tag: number): void
  arrived(tag: number): void
  readonly totals: Totals
  /** Accepted, and not arrived. */
  missing(): number[]
}

export interface Totals {
  readonly sent: number
  readonly accepted: number
  /** Accepted events that arrived, each counted once. */
  readonly delivered: number
  /** Arrivals beyond the first. */
  readonly repeats: number
  /** Arrived though the sender got no answer, as its connection broke: kept all the same. */
  readonly unanswered: number
}

export function createLedger(most: number): Ledger {
  const isAccepted = new Uint8Array(most)
  const arrivals = new Uint8Array(most)
  let sent = 0
  const count = (is: (tag: number) => number) => {
    let sum = 0
    for (let tag = 0; tag < sent; tag++) sum += is(tag)
    return sum
  }
  return {
    next: () => {
      if (sent === most) throw new Error(`more than ${most} events`)
      return sent++
    },
    accepted: (tag) => {
      isAccepted[tag] = 1
    },
    arrived: (tag) => {
      arrivals[tag] = Math.min((arrivals[tag] ?? 0) + 1, 255)
    },
    get totals() {
      return {
        sent,
        accepted: count((tag) => isAccepted[tag] as number),
        delivered: count((tag) => (isAccepted[tag] === 1 && (arrivals[tag] as number) > 0 ? 1 : 0)),
        repeats: count((tag) => Math.max((arrivals[tag] as number) - 1, 0)),
        unanswered: count((tag) => (isAccepted[tag] === 0 && (arrivals[tag] as number) > 0 ? 1 : 0)),
      }
    },
    missing: () => Array.from({ length: sent }, (_, tag) => tag).filter((tag) => isAccepted[tag] === 1 && arrivals[tag] === 0),
  }
}
