import type { EventId } from '../../events/event.ts'
import type { Outdated } from '../journal.ts'

/** What is given in the order of commits: an event, and the key that it shares with those that say the same. */
export interface Mergeable {
  readonly eventId: EventId
  readonly key: string
}

/** Finds events behind which a newer one of the same key stands. */
export interface Merge {
  add(event: Mergeable): void
  /** So many at most, oldest first, each with the newest of its key. */
  outdated(limit: number): readonly Outdated[]
}

export function createMerge(): Merge {
  const newest = new Map<string, EventId>()
  const older: Mergeable[] = []
  return {
    add: ({ eventId, key }) => {
      const before = newest.get(key)
      if (before !== undefined) older.push({ eventId: before, key })
      newest.set(key, eventId)
    },
    outdated: (limit) => older.slice(0, limit).map(({ eventId, key }) => ({ eventId, by: newest.get(key) ?? eventId })),
  }
}
