import type { DatabaseSync } from 'node:sqlite'
import type { Column } from './columns.ts'
import { BUCKET_SHIFT, BUCKET_SIZE } from './database.ts'
import { createFilters } from './filters.ts'

/** What is known of the bucket that grows, to be written when it ends. */
export interface Bucket {
  /** An event of this number comes next: it may be the first of a new bucket. */
  note(seq: number, receivedAtUs: number): void
  /** The event is about this server. */
  addServer(server: Column): void
  /** Ends the bucket before this number; answers the first number of the next. */
  end(nextSeq: number): number
  /** Reads again, after a rollback, what the bucket before this number holds. */
  reset(nextSeq: number): void
}

/** Behind the last event, and behind the last full bucket: a number is never given twice, whatever retention removes. */
export function findNextSeq(db: DatabaseSync): number {
  const sql = `SELECT max(
    coalesce((SELECT max(seq) + 1 FROM events), 0),
    coalesce((SELECT max(bucket) + 1 FROM buckets), 0) << ${BUCKET_SHIFT}) AS next`
  return Number(db.prepare(sql).get()?.['next'])
}

/** Keeps when the events of the growing bucket came and of which servers they are, and writes it when the next one begins. */
export function createBucket(db: DatabaseSync): Bucket {
  const add = db.prepare('INSERT INTO buckets VALUES (?, ?, ?)')
  const isNoted = db.prepare('SELECT 1 FROM buckets WHERE bucket = ?')
  const span = db.prepare(`SELECT min(received_at) AS first, max(received_at) AS last FROM requests
    WHERE first_seq >= coalesce((SELECT first_seq FROM events WHERE seq >= ? ORDER BY seq LIMIT 1), ?)`)
  const filters = createFilters(db)
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY

  const isEmpty = () => first === Number.POSITIVE_INFINITY
  const clear = () => {
    first = Number.POSITIVE_INFINITY
    last = Number.NEGATIVE_INFINITY
    filters.clear()
  }
  const reset = (nextSeq: number) => {
    clear()
    const bucket = Math.floor((nextSeq - 1) / BUCKET_SIZE)
    if (isNoted.get(bucket) !== undefined) return
    const start = bucket * BUCKET_SIZE
    const row = span.get(start, start)
    first = Number(row?.['first'] ?? Number.POSITIVE_INFINITY)
    last = Number(row?.['last'] ?? Number.NEGATIVE_INFINITY)
    filters.read(start)
  }
  const end = (nextSeq: number): number => {
    const bucket = Math.floor((nextSeq - 1) / BUCKET_SIZE)
    if (!isEmpty()) {
      add.run(bucket, first, last)
      filters.write(bucket)
    }
    clear()
    return (bucket + 1) * BUCKET_SIZE
  }
  reset(findNextSeq(db))
  return {
    note: (seq, receivedAtUs) => {
      if (seq % BUCKET_SIZE === 0 && !isEmpty()) end(seq)
      first = Math.min(first, receivedAtUs)
      last = Math.max(last, receivedAtUs)
    },
    addServer: filters.add,
    end,
    reset,
  }
}
