import type { DatabaseSync } from 'node:sqlite'
import { PARKED_EXPIRED } from '../journal.ts'
import { DEFERRAL_NUMBERS } from '../states.ts'
import { type Column, fromUuidColumn, toUuidColumn } from './columns.ts'
import type { Follower } from './follow.ts'
import type { WireLocation } from './protocol.ts'

/** Ends deferrals that wait, or parks them, inside the transaction that is open. Those that have ended stay as they are. */
export interface Locator {
  /** Where one is located, all that waits for its server goes there too; with `searches` also what is open for other hosts. */
  locate(location: WireLocation, searches: (server: string) => boolean): void
  /** Ends what is parked no longer than until then. Answers until when the next one is; null: none is left. */
  expireParked(atUs: number): number | null
}

export function createLocator(db: DatabaseSync, follower: Follower): Locator {
  const findWaiting = db.prepare(`SELECT seq, d.server FROM deferrals AS d JOIN events USING (seq)
    WHERE id = ? AND state = ${DEFERRAL_NUMBERS.waiting}`)
  const park = db.prepare('UPDATE deferrals SET state = ?, reason = ?, keep_until = ? WHERE seq = ?')
  const expire = db.prepare(`UPDATE deferrals SET state = ${DEFERRAL_NUMBERS.expired}, reason = ?1, ended_at = ?2
    WHERE state = ${DEFERRAL_NUMBERS.parked} AND keep_until <= ?2`)
  const findNext = db.prepare(`SELECT min(keep_until) AS next FROM deferrals INDEXED BY deferrals_parked
    WHERE state = ${DEFERRAL_NUMBERS.parked}`)
  const end = db.prepare('UPDATE deferrals SET state = ?, reason = coalesce(?, reason), ended_at = ? WHERE seq = ?')
  const bytes = new Uint8Array(16)
  return {
    locate: ([kind, eventId, atUs, reason, destinations, keepUntilUs], searches) => {
      const row = findWaiting.get(toUuidColumn(eventId, bytes))
      if (row === undefined) return
      const seq = Number(row['seq'])
      const server = row['server'] as Column
      if (kind === 'located')
        follower.follow(server, { place: ['located', destinations], atUs }, searches(fromUuidColumn(server)) ? 'all' : 'none')
      else if (kind === 'parked') park.run(DEFERRAL_NUMBERS.parked, reason, keepUntilUs, seq)
      else {
        end.run(DEFERRAL_NUMBERS[kind], reason, atUs, seq)
        follower.ended(1)
      }
    },
    expireParked: (atUs) => {
      follower.ended(Number(expire.run(PARKED_EXPIRED, atUs).changes))
      const next = findNext.get()?.['next']
      return next === null || next === undefined ? null : Number(next)
    },
  }
}
