/** Counts how often each delivery was tried in vain. */
export interface Tries {
  /** One more try was in vain: which it was, and whether it was the last. */
  failed(id: string): { readonly count: number; readonly isLast: boolean }
}

/** More than a host ever has unacknowledged. What is forgotten is counted from the start. */
const REMEMBERED = 10_000

/** Lets each be tried so often; 0: without end. Counted by this process: another agent begins anew. */
export function createTries(most: number): Tries {
  const counts = new Map<string, number>()
  return {
    failed: (id) => {
      const count = (counts.get(id) ?? 0) + 1
      const isLast = count === most
      counts.delete(id)
      if (!isLast) counts.set(id, count)
      for (const oldest of counts.keys()) {
        if (counts.size <= REMEMBERED) break
        counts.delete(oldest)
      }
      return { count, isLast }
    },
  }
}
