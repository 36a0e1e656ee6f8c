import type { DatabaseSync } from 'node:sqlite'
import type { EventName } from '../../events/names.ts'
import { isAwaited } from '../../events/names.ts'
import { changeOf, STATE_NUMBERS, TRANSITIONS } from '../states.ts'
import { type Column, toUuidColumn } from './columns.ts'
import type { Follower } from './follow.ts'
import type { Interner } from './intern.ts'
import type { StepFate, WireDestination, WireStep } from './protocol.ts'
import type { Tally } from './tally.ts'

const { pending, dispatched } = STATE_NUMBERS

export interface SettlerParts {
  readonly intern: Interner
  readonly tally: Tally
  readonly follower: Pick<Follower, 'follow'>
}

/**
 * Writes the steps of deliveries inside the transaction that is open, as `TRANSITIONS` has them. A step that does not apply changes
 * nothing. All that waits for a server follows it where one of its deliveries has moved. An acknowledgement also says that the host was seen, whatever it acknowledges.
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

/**
 * Adds a pending delivery to an event that is there, unless the host has one of it; one that another stood for meanwhile is open
 * again. It stands where its event stands, so that the events of a server are read in the order of their commits by whichever host
 * gets them. Answers whether there is one more.
 */
export function createAdder(db: DatabaseSync, intern: Interner, tally: Tally) {
  const findName = db.prepare('SELECT name FROM events JOIN kinds USING (kind) WHERE seq = ?')
  const back = STATE_NUMBERS[TRANSITIONS.left.cameBack]
  const add = db.prepare(`INSERT INTO deliveries (seq, host_id, cell, awaited, state) VALUES (?, ?, ?, ?, ${pending})
    ON CONFLICT DO UPDATE SET state = ${back}, cell = excluded.cell, ended_at = NULL WHERE state = ${STATE_NUMBERS.left}`)
  return (seq: number, [host, cell]: WireDestination): boolean => {
    const hostId = intern.host(host)
    const name = findName.get(seq)?.['name'] as EventName
    if (Number(add.run(seq, hostId, cell, isAwaited(name) ? 1 : 0).changes) === 0) return false
    tally.add(hostId, 1, 0)
    return true
  }
}
