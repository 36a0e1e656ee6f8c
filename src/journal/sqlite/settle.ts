import type { DatabaseSync } from 'node:sqlite'
import { STATE_NUMBERS } from '../states.ts'
import { toUuidColumn } from './columns.ts'
import type { Interner } from './intern.ts'
import type { StepFate, WireDestination, WireStep } from './protocol.ts'
import type { Tally } from './tally.ts'

const { pending, dispatched } = STATE_NUMBERS

/**
 * Writes the steps of deliveries inside the transaction that is open. A delivery that has ended takes no step any more.
 *
 *     step \ state        pending                        dispatched
 *     dispatched          -> dispatched, +1 attempt      dispatched again, +1 attempt
 *     dispatchedForGood   -> ended, +1 attempt           -> ended, +1 attempt
 *     returned            the reason is kept             -> pending, the reason is kept
 *     acknowledged        -> ended                       -> ended
 *     expired, failed     -> ended, the reason is kept   -> ended, the reason is kept
 *     moved               -> superseded                  -> superseded; in both cases a delivery for each host that has none
 *
 * An acknowledgement also says that the host was seen, whatever it acknowledges.
 */
export function createSettler(db: DatabaseSync, intern: Interner, tally: Tally): (step: WireStep) => StepFate {
  const findSeq = db.prepare('SELECT seq FROM events WHERE id = ?')
  const findState = db.prepare('SELECT state FROM deliveries WHERE seq = ? AND host_id = ?')
  const dispatch = db.prepare(`UPDATE deliveries SET state = ?, attempts = attempts + 1, dispatched_at = ?, ended_at = ?
    WHERE seq = ? AND host_id = ?`)
  const giveBack = db.prepare(`UPDATE deliveries SET state = ${pending}, last_error = ? WHERE seq = ? AND host_id = ?`)
  const end = db.prepare(`UPDATE deliveries SET state = ?, last_error = coalesce(?, last_error), ended_at = ?
    WHERE seq = ? AND host_id = ?`)
  const add = createAdder(db, intern, tally)
  const bytes = new Uint8Array(16)

  return ([kind, host, eventId, atUs, reason, to]) => {
    const hostId = intern.knownHost(host)
    if (hostId === null) return 'unknown'
    if (kind === 'acknowledged') tally.seen(hostId, atUs)
    const seq = Number(findSeq.get(toUuidColumn(eventId, bytes))?.['seq'] ?? -1)
    const state = findState.get(seq, hostId)?.['state']
    if (state === undefined) return 'unknown'
    if (state !== pending && state !== dispatched) return 'ended'
    tally.add(hostId, state === pending ? -1 : 0, state === dispatched ? -1 : 0)
    switch (kind) {
      case 'dispatched':
        dispatch.run(dispatched, atUs, null, seq, hostId)
        tally.add(hostId, 0, 1)
        break
      case 'dispatchedForGood':
        dispatch.run(STATE_NUMBERS.dispatchedForGood, atUs, atUs, seq, hostId)
        break
      case 'returned':
        giveBack.run(reason, seq, hostId)
        tally.add(hostId, 1, 0)
        break
      case 'acknowledged':
      case 'expired':
      case 'failed':
        end.run(STATE_NUMBERS[kind], reason, atUs, seq, hostId)
        break
      case 'moved':
        end.run(STATE_NUMBERS.superseded, reason, atUs, seq, hostId)
        for (const destination of to ?? []) add(seq, destination)
        break
    }
    return 'applied'
  }
}

/**
 * Adds a pending delivery to an event that is there, unless the host has one of it. It stands where its event stands, so that
 * the events of a server are read in the order of their commits by whichever host gets them.
 */
export function createAdder(db: DatabaseSync, intern: Interner, tally: Tally) {
  const add = db.prepare(`INSERT INTO deliveries (seq, host_id, cell, state, attempts) VALUES (?, ?, ?, ${pending}, 0)
    ON CONFLICT DO NOTHING`)
  return (seq: number, [host, cell]: WireDestination): void => {
    const hostId = intern.host(host)
    if (Number(add.run(seq, hostId, cell).changes) > 0) tally.add(hostId, 1, 0)
  }
}
