import type { DatabaseSync } from 'node:sqlite'
import { changeOf, STATE_NUMBERS } from '../states.ts'
import { type Column, toUuidColumn } from './columns.ts'
import type { Follower } from './follow.ts'
import type { Interner } from './intern.ts'
import type { StepFate, WireStep } from './protocol.ts'
import type { Tally } from './tally.ts'

const { pending, dispatched } = STATE_NUMBERS

/** What steps are written with. */
export interface SettlerParts {
  readonly intern: Interner
  readonly tally: Tally
  readonly follower: Pick<Follower, 'follow'>
}

/**
 * Writes the steps of deliveries inside the transaction that is open, as `TRANSITIONS` has them. A step that does not apply changes
 * nothing. All that waits for a server follows it where one of its deliveries has moved. An acknowledgement also says that the host was
 * seen, whatever it acknowledges.
 */
export function createSettler(db: DatabaseSync, { intern, tally, follower }: SettlerParts): (step: WireStep) => StepFate {
  const findEvent = db.prepare('SELECT seq, server FROM events WHERE id = ?')
  const findState = db.prepare('SELECT state FROM deliveries WHERE seq = ? AND host_id = ?')
  const change = db.prepare(`UPDATE deliveries SET state = ?, attempts = attempts + ?, tries = tries + ?,
    dispatched_at = coalesce(?, dispatched_at), ended_at = ? WHERE seq = ? AND host_id = ?`)
  const explain = db.prepare('UPDATE deliveries SET last_error = ?, last_error_at = ? WHERE seq = ? AND host_id = ?')
  const bytes = new Uint8Array(16)

  return ([kind, host, eventId, atUs, reason, to]) => {
    const hostId = intern.knownHost(host)
    if (hostId === null) return 'unknown'
    if (kind === 'acknowledged' || kind === 'applied' || kind === 'failedThere') tally.seen(hostId, atUs)
    const event = findEvent.get(toUuidColumn(eventId, bytes))
    const seq = Number(event?.['seq'] ?? -1)
    const state = findState.get(seq, hostId)?.['state']
    if (state === undefined) return 'unknown'
    const step = changeOf(Number(state), kind)
    if (step === null) return 'refused'
    if (to !== null) {
      follower.follow(event?.['server'] as Column, { place: ['located', to], atUs }, 'all')
      return 'applied'
    }
    tally.add(hostId, open(step.number, pending) - open(state, pending), open(step.number, dispatched) - open(state, dispatched))
    const dispatchedAt = step.attempts === 1 ? atUs : null
    change.run(step.number, step.attempts, step.tries, dispatchedAt, step.isEnd ? atUs : null, seq, hostId)
    if (reason !== null) explain.run(reason, atUs, seq, hostId)
    return 'applied'
  }
}

/** One where a delivery is in this state, for counting. */
function open(state: unknown, counted: number): 0 | 1 {
  return state === counted ? 1 : 0
}
