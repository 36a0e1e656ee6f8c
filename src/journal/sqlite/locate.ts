import type { DatabaseSync } from 'node:sqlite'
import { DEFERRAL_NUMBERS } from '../states.ts'
import { toUuidColumn } from './columns.ts'
import type { Interner } from './intern.ts'
import type { WireLocation } from './protocol.ts'
import { createAdder } from './settle.ts'
import type { Tally } from './tally.ts'

/** Ends deferrals that wait, inside the transaction that is open. Those that have ended stay as they are. */
export function createLocator(db: DatabaseSync, intern: Interner, tally: Tally): (location: WireLocation) => void {
  const findWaiting = db.prepare(`SELECT seq FROM deferrals JOIN events USING (seq)
    WHERE id = ? AND state = ${DEFERRAL_NUMBERS.waiting}`)
  const end = db.prepare('UPDATE deferrals SET state = ?, reason = coalesce(?, reason), ended_at = ? WHERE seq = ?')
  const add = createAdder(db, intern, tally)
  const bytes = new Uint8Array(16)
  return ([kind, eventId, atUs, reason, destinations]) => {
    const seq = findWaiting.get(toUuidColumn(eventId, bytes))?.['seq']
    if (seq === undefined) return
    end.run(DEFERRAL_NUMBERS[kind], reason, atUs, seq)
    for (const destination of destinations) add(Number(seq), destination)
  }
}
