import type { EventId, HostName } from '../events/event.ts'
import type { DeliveryStep, Receipts, Submission } from '../journal/journal.ts'

/** Something that happened just now, for whoever watches. */
export type Happening =
  | { readonly kind: 'accepted'; readonly submission: Submission }
  | {
      readonly kind: DeliveryStep['kind']
      readonly host: HostName
      readonly eventIds: readonly EventId[]
      readonly atUs: number
      /** What the host says of some of them, where it is the host that ended them. */
      readonly receipts?: Receipts
    }

/** Where happenings are told: in this process, to those who watch at the time. */
export interface Happenings {
  /** Costs next to nothing where nobody watches. Never throws. */
  tell(happening: Happening): void
  /** Whether anybody watches: what is costly to tell need not be made otherwise. */
  readonly isWatched: boolean
  /** Returns what ends the watching. */
  watch(watcher: (happening: Happening) => void): () => void
}

/** Tells every watcher of everything, at once and in order. */
export function createHappenings(): Happenings {
  const watchers = new Set<(happening: Happening) => void>()
  return {
    tell: (happening) => {
      for (const watcher of watchers) watcher(happening)
    },
    get isWatched() {
      return watchers.size > 0
    },
    watch: (watcher) => {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
  }
}
