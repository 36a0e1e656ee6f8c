import type { Outcome } from '../events/event.ts'
import type { PassedOn } from './journal.ts'

/** What two requests have in common that are one request, sent twice. */
export interface RepeatKey {
  /** Who sent it and what it is called: 16 bytes of a digest, as 32 hexadecimal digits. */
  readonly digest: string
  /** What was sent, in the same form. Null where `digest` tells that, too: other content is then another request. */
  readonly content: string | null
}

/** The request that a repeat repeats. */
export interface FirstRequest {
  /** `req-UUID`, ours. */
  readonly requestId: string
  /** What its sender was told of each event. */
  readonly codes: readonly Outcome['code'][]
}

/** What became of a submission that may be a repeat. */
export type CommittedOnce =
  | { readonly kind: 'kept'; readonly passedOn: readonly PassedOn[] }
  /** It was kept before. Now it was counted, and nothing else. */
  | { readonly kind: 'repeat'; readonly first: FirstRequest }
  /** Its key came before, with other content. Nothing was kept. */
  | { readonly kind: 'taken'; readonly requestId: string }

/** How often a request came again. */
export interface Repeats {
  readonly count: number
  /** When it did so last; null: never. */
  readonly lastAtUs: number | null
}

/** That of nearly all requests. */
export const NEVER_REPEATED: Repeats = { count: 0, lastAtUs: null }

/** Milliseconds for which a key is remembered, where nothing else is said. */
export const REPEAT_WINDOW_MS = 300_000
