import type { Found } from './follow.ts'

/**
 * Servers that were registered anew a moment ago: a submission that was decided before and is committed after that is for hosts which
 * its servers have left.
 */
export interface RecentMoves {
  note(server: string, found: Found): void
  /** Undefined for nearly all. */
  get(server: string): Found | undefined
  /** What was noted is committed. */
  keep(): void
  /** What was noted since then was rolled back. */
  reset(): void
}

/** Longer than a request can be between finding its servers and its commit. */
const KEPT_US = 60_000_000
/** Some 30 MB. */
const MOST = 100_000

export function createRecentMoves(): RecentMoves {
  const moves = new Map<string, Found>()
  const noted = new Map<string, Found>()
  let newestUs = 0

  const forgetOld = () => {
    for (const [oldest, { atUs }] of moves) {
      if (moves.size <= MOST && atUs > newestUs - KEPT_US) return
      moves.delete(oldest)
    }
  }
  return {
    note: (server, found) => void noted.set(server, found),
    get: (server) => {
      if (moves.size === 0 && noted.size === 0) return undefined
      if (Date.now() * 1000 > newestUs + KEPT_US) moves.clear()
      return noted.get(server) ?? moves.get(server)
    },
    keep: () => {
      if (noted.size === 0) return
      for (const [server, found] of noted) {
        moves.delete(server)
        moves.set(server, found)
        newestUs = Math.max(newestUs, found.atUs)
      }
      noted.clear()
      forgetOld()
    },
    reset: () => noted.clear(),
  }
}
