import type { DatabaseSync } from 'node:sqlite'

/**
 * Counts how a transaction changes the hosts' open deliveries, and writes one row per host at its end: the counts in `hosts` are
 * as true as the deliveries, and asking for them costs a row instead of a scan.
 */
export interface Tally {
  add(hostId: number, pending: number, dispatched: number): void
  /** The host was heard of at this time. */
  seen(hostId: number, atUs: number): void
  /** Writes what was counted. */
  write(): void
  /** Forgets what was counted, after a rollback. */
  reset(): void
}

interface Change {
  pending: number
  dispatched: number
  seenUs: number | null
}

export function createTally(db: DatabaseSync): Tally {
  const changes = new Map<number, Change>()
  const update = db.prepare(`UPDATE hosts SET pending = pending + ?, dispatched = dispatched + ?,
    last_seen = nullif(max(coalesce(last_seen, 0), coalesce(?, 0)), 0) WHERE host_id = ?`)
  const changeOf = (hostId: number): Change => {
    const known = changes.get(hostId)
    if (known !== undefined) return known
    const change = { pending: 0, dispatched: 0, seenUs: null }
    changes.set(hostId, change)
    return change
  }
  return {
    add: (hostId, pending, dispatched) => {
      const change = changeOf(hostId)
      change.pending += pending
      change.dispatched += dispatched
    },
    seen: (hostId, atUs) => {
      const change = changeOf(hostId)
      change.seenUs = Math.max(change.seenUs ?? atUs, atUs)
    },
    write: () => {
      for (const [hostId, { pending, dispatched, seenUs }] of changes) update.run(pending, dispatched, seenUs, hostId)
      changes.clear()
    },
    reset: () => changes.clear(),
  }
}
