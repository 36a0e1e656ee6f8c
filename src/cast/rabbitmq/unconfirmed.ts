import { ShortLivedMap } from '../../lib/short-lived-map.ts'
import type { CastMessage } from './cast-messages.ts'

/** What became of a message. */
export type Published =
  | { readonly kind: 'taken' }
  /** Not confirmed: it may have arrived or not. */
  | { readonly kind: 'away'; readonly reason: string }
  | { readonly kind: 'returned'; readonly reason: string }

/** A message with the one who waits for what becomes of it. */
export interface Outgoing {
  readonly message: CastMessage
  readonly settle: (result: Published) => void
}

/** At most: enough to keep a broker busy, little to repeat when a connection is lost. */
const MAX_MESSAGES = 1000
const MAX_BYTES = 16 * 2 ** 20

interface Entry extends Outgoing {
  readonly sentAtMs: number
  isReturned: boolean
}

/** The messages of one channel that the broker has not confirmed yet: a window, by delivery tag. */
export interface Unconfirmed {
  readonly size: number
  readonly isFull: boolean
  /** A message that was published just now: tags count from 1. */
  add(outgoing: Outgoing, nowMs: number): void
  /** The broker's return of a message, which comes before its confirm. */
  returned(uniqueId: string | null): void
  /** The broker's answer for a tag, or for all up to it. `refusal` is null where it took them. */
  answered(tag: number, multiple: boolean, refusal: string | null): void
  /** Whether any waits since before this time. */
  hasOlderThan(ms: number): boolean
  /** Settles all as away that wait since before this time. */
  giveUp(reason: string, olderThanMs: number): void
}

/** An empty window. */
export function createUnconfirmed(): Unconfirmed {
  /** Ascending, for it keeps the order in which it was filled. */
  const entries = new ShortLivedMap<number, Entry>()
  let lastTag = 0
  let bytes = 0

  function settle(tag: number, entry: Entry, result: Published): void {
    entries.delete(tag)
    bytes -= entry.message.body.length
    entry.settle(result)
  }

  function answer(tag: number, entry: Entry, refusal: string | null): void {
    settle(tag, entry, refusal === null ? confirmed(entry) : { kind: 'away', reason: refusal })
  }

  return {
    get size() {
      return entries.size
    },
    get isFull() {
      return entries.size >= MAX_MESSAGES || bytes >= MAX_BYTES
    },
    add: ({ message, settle }, sentAtMs) => {
      bytes += message.body.length
      entries.set(++lastTag, { message, settle, sentAtMs, isReturned: false })
    },
    returned: (uniqueId) => {
      for (const entry of entries.values()) {
        if (entry.message.uniqueId !== uniqueId) continue
        entry.isReturned = true
        return
      }
    },
    answered: (tag, multiple, refusal) => {
      const entry = entries.get(tag)
      if (!multiple && entry !== undefined) answer(tag, entry, refusal)
      if (!multiple) return
      for (const [earlier, entry] of entries.entries()) {
        if (earlier > tag) return
        answer(earlier, entry, refusal)
      }
    },
    hasOlderThan: (ms) => entries.values().some(({ sentAtMs }) => sentAtMs < ms),
    giveUp: (reason, olderThanMs) => {
      for (const [tag, entry] of entries.entries()) if (entry.sentAtMs < olderThanMs) settle(tag, entry, { kind: 'away', reason })
    },
  }
}

/** RabbitMQ confirms what it returned as well. */
function confirmed({ isReturned, message }: Entry): Published {
  if (!isReturned) return { kind: 'taken' }
  return {
    kind: 'returned',
    reason: `the broker has no queue for ${message.routingKey}: no nova-compute of that name has started`,
  }
}
