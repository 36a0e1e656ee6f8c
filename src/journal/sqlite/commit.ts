import type { DatabaseSync } from 'node:sqlite'
import { DEFERRAL_NUMBERS, STATE_NUMBERS } from '../states.ts'
import { toRequestColumn, toUuidColumn } from './columns.ts'
import { BUCKET_SHIFT, BUCKET_SIZE } from './database.ts'
import type { Interner } from './intern.ts'
import type { WireEvent, WireSubmission } from './protocol.ts'
import type { Tally } from './tally.ts'

/** Writes submissions inside the transaction that is open. */
export interface Committer {
  write(submission: WireSubmission): void
  /** To be called after a rollback: reads again where the journal ends. */
  reset(): void
}

/**
 * Events are numbered (`seq`) in the order of their commits, without gaps. Prepared statements, one row each: 3.7 µs an event with
 * its delivery and all indexes, and as fast as rows out of `json_each` in one statement; multi-row VALUES are half as fast in
 * node:sqlite (each run binds an array of arguments).
 */
export function createCommitter(db: DatabaseSync, intern: Interner, tally: Tally): Committer {
  const addRequest = db.prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)')
  const addEvent = db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)')
  const addDelivery = db.prepare('INSERT INTO deliveries (seq, host_id, cell, state, attempts) VALUES (?, ?, ?, ?, 0)')
  const addDeferral = db.prepare('INSERT INTO deferrals (seq, cell, state, reason) VALUES (?, ?, ?, ?)')
  const bucket = createBucket(db)
  const bytes = { id: new Uint8Array(16), server: new Uint8Array(16), tag: new Uint8Array(16) }
  let nextSeq = findNextSeq(db)

  const writeEvent = (firstSeq: number, event: WireEvent) => {
    const [id, server, name, status, tag, code, destinations, deferred] = event
    const seq = nextSeq++
    addEvent.run(
      seq,
      toUuidColumn(id, bytes.id),
      firstSeq,
      toUuidColumn(server, bytes.server),
      intern.kind(name, status),
      tag === null ? null : toUuidColumn(tag, bytes.tag),
      code,
    )
    for (const [host, cell] of destinations) {
      const hostId = intern.host(host)
      addDelivery.run(seq, hostId, cell, STATE_NUMBERS.pending)
      tally.add(hostId, 1, 0)
    }
    if (deferred !== null) addDeferral.run(seq, deferred[0], DEFERRAL_NUMBERS.waiting, deferred[1])
  }

  return {
    write: ([receivedAtUs, requestId, globalRequestId, userId, userName, projectId, microversion, events]) => {
      if (events.length === 0) return
      const firstSeq = nextSeq
      const globalId = globalRequestId === null ? null : toRequestColumn(globalRequestId, bytes.server)
      const sender = intern.sender(userId, userName, projectId)
      const request = toRequestColumn(requestId, bytes.id)
      addRequest.run(firstSeq, events.length, receivedAtUs, request, globalId, sender, microversion)
      for (const event of events) {
        bucket.note(nextSeq, receivedAtUs)
        writeEvent(firstSeq, event)
      }
    },
    reset: () => {
      nextSeq = findNextSeq(db)
      bucket.reset(nextSeq)
    },
  }
}

/** Behind the last event, and behind the last full bucket: a number is never given twice, whatever retention removes. */
function findNextSeq(db: DatabaseSync): number {
  const sql = `SELECT max(
    coalesce((SELECT max(seq) + 1 FROM events), 0),
    coalesce((SELECT max(bucket) + 1 FROM buckets), 0) << ${BUCKET_SHIFT}) AS next`
  return Number(db.prepare(sql).get()?.['next'])
}

/** Keeps when the events of the growing bucket came, and writes its row when the next one begins. */
function createBucket(db: DatabaseSync) {
  const add = db.prepare('INSERT INTO buckets VALUES (?, ?, ?)')
  const span = db.prepare(`SELECT min(received_at) AS first, max(received_at) AS last FROM requests
    WHERE first_seq >= coalesce((SELECT first_seq FROM events WHERE seq >= ? ORDER BY seq LIMIT 1), ?)`)
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY

  const reset = (nextSeq: number) => {
    const start = nextSeq - (nextSeq % BUCKET_SIZE)
    const row = start === nextSeq ? undefined : span.get(start, start)
    first = Number(row?.['first'] ?? Number.POSITIVE_INFINITY)
    last = Number(row?.['last'] ?? Number.NEGATIVE_INFINITY)
  }
  reset(findNextSeq(db))
  return {
    note: (seq: number, receivedAtUs: number) => {
      if (seq % BUCKET_SIZE === 0 && first !== Number.POSITIVE_INFINITY) {
        add.run(seq / BUCKET_SIZE - 1, first, last)
        first = Number.POSITIVE_INFINITY
        last = Number.NEGATIVE_INFINITY
      }
      first = Math.min(first, receivedAtUs)
      last = Math.max(last, receivedAtUs)
    },
    reset,
  }
}
