import type { DatabaseSync } from 'node:sqlite'
import { isAwaited } from '../../events/names.ts'
import { DEFERRAL_NUMBERS, STATE_NUMBERS } from '../states.ts'
import { createBucket, findNextSeq } from './bucket.ts'
import { type Column, toRequestColumn, toUuidColumn } from './columns.ts'
import type { Follower, Fronts } from './follow.ts'
import type { Interner } from './intern.ts'
import type { WireEvent, WireSubmission } from './protocol.ts'
import type { RecentMoves } from './recent-moves.ts'
import type { Tally } from './tally.ts'

export interface CommitterParts {
  readonly intern: Interner
  readonly tally: Tally
  readonly follower: Follower
  readonly moves: RecentMoves
}

/** Writes submissions inside the transaction that is open. */
export interface Committer {
  /** Answers the number of the first event. `repeatKey`: what a repeat of it is known by. */
  write(submission: WireSubmission, repeatKey?: Uint8Array | null): number
  /** The number of the newest event, whether it is still there or not; -1 before the first. */
  newest(): number
  /** Lets the next event begin a new bucket: the newest is about to be removed, and the row of its bucket remembers its number. */
  endBucket(): void
  /** To be called after a rollback: reads again where the journal ends. */
  reset(): void
}

/** What is known of a submission while its events are written. */
interface About {
  readonly submission: WireSubmission
  readonly fronts: Fronts
  /** Servers of which all that waits has come along already: one of their events brings it. */
  readonly followed: Set<string>
}

/**
 * Events are numbered (`seq`) in the order of their commits. Prepared statements, one row each: 3.7 µs an event with
 * its delivery and all indexes, and as fast as rows out of `json_each` in one statement; multi-row VALUES are half as fast in
 * node:sqlite (each run binds an array of arguments).
 */
export function createCommitter(db: DatabaseSync, { intern, tally, follower, moves }: CommitterParts): Committer {
  const addRequest = db.prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const addEvent = db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)')
  const addDelivery = db.prepare('INSERT INTO deliveries (seq, host_id, cell, awaited, state) VALUES (?, ?, ?, ?, ?)')
  const addDeferral = db.prepare('INSERT INTO deferrals (seq, server, cell, state, reason, keep_until) VALUES (?, ?, ?, ?, ?, ?)')
  const addReplay = db.prepare('INSERT INTO replays VALUES (?, ?, ?)')
  const bucket = createBucket(db)
  const bytes = { id: new Uint8Array(16), server: new Uint8Array(16), tag: new Uint8Array(16) }
  let nextSeq = findNextSeq(db)

  const writeEvent = (firstSeq: number, event: WireEvent, { submission, fronts, followed }: About) => {
    const [id, server, name, status, tag, code, destinations, deferred, replay] = event
    const seq = nextSeq++
    const serverColumn = toUuidColumn(server, bytes.server)
    bucket.addServer(serverColumn)
    addEvent.run(
      seq,
      toUuidColumn(id, bytes.id),
      firstSeq,
      serverColumn,
      intern.kind(name, status),
      tag === null ? null : toUuidColumn(tag, bytes.tag),
      code,
    )
    const awaited = isAwaited(name) ? 1 : 0
    for (const [host, cell] of destinations) {
      const hostId = intern.host(host)
      addDelivery.run(seq, hostId, cell, awaited, STATE_NUMBERS.pending)
      tally.add(hostId, 1, 0)
    }
    if (replay !== undefined) addReplay.run(seq, toUuidColumn(replay[0]), toRequestColumn(replay[1]))
    if (deferred !== null) {
      const [cell, reason, keepUntilUs] = deferred
      const state = keepUntilUs === null ? DEFERRAL_NUMBERS.waiting : DEFERRAL_NUMBERS.parked
      addDeferral.run(seq, serverColumn, cell, state, reason, keepUntilUs)
      follower.deferred()
    }
    if (destinations.length === 0 && deferred === null) return
    const move = moves.get(server)
    if (move !== undefined) follower.followEvent(seq, move)
    else if (destinations.length > 0 && !followed.has(server)) {
      followed.add(server)
      bringAlong(seq, serverColumn, { event, submission })
    }
    const urgent = submission[9]
    if (!urgent.includes(server)) return
    const opened = move === undefined ? destinations : move.place[0] === 'located' ? move.place[1] : []
    follower.lookInFront({ seq, id, serverId: server, server: serverColumn, destinations, opened }, fronts)
  }
  /** What waits for the event's server, and stands before it, goes where it goes. */
  const bringAlong = (seq: number, server: Column, { event, submission }: { event: WireEvent; submission: WireSubmission }) => {
    const [atUs] = submission
    const strays = submission[8]
    const isStray = strays.length > 0 && strays.includes(event[1])
    if (!isStray && !follower.waits(server)) return
    follower.follow(server, { place: ['located', event[6]], atUs }, isStray ? { before: seq } : 'none')
  }

  return {
    write: (submission, repeatKey = null) => {
      const [receivedAtUs, requestId, globalRequestId, userId, userName, projectId, microversion, events] = submission
      const firstSeq = nextSeq
      if (events.length === 0) return firstSeq
      const globalId = globalRequestId === null ? null : toRequestColumn(globalRequestId, bytes.server)
      const sender = intern.sender(userId, userName, projectId)
      const request = toRequestColumn(requestId, bytes.id)
      addRequest.run(firstSeq, events.length, receivedAtUs, request, globalId, sender, microversion, repeatKey)
      const about: About = { submission, fronts: new Map(), followed: new Set() }
      for (const event of events) {
        bucket.note(nextSeq, receivedAtUs)
        writeEvent(firstSeq, event, about)
      }
      return firstSeq
    },
    newest: () => nextSeq - 1,
    endBucket: () => {
      nextSeq = bucket.end(nextSeq)
    },
    reset: () => {
      nextSeq = findNextSeq(db)
      bucket.reset(nextSeq)
    },
  }
}
