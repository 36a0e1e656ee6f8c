import type { DatabaseSync } from 'node:sqlite'
import type { Retained } from '../journal.ts'
import { type Run, runsOf } from '../removable.ts'
import { SPAN } from '../server-filter.ts'
import { STATE_NUMBERS } from '../states.ts'
import type { Committer } from './commit.ts'
import { BUCKET_SIZE } from './database.ts'
import { createSpanRemover } from './filters.ts'

/** Events of a step: a millisecond of the writer's time, which the commits of the moment wait for. */
export const RETAINED_AT_ONCE = 256

/** What else is kept of an event, by its number. */
const ABOUT_EVENTS = ['deliveries', 'deferrals', 'replays'] as const

/**
 * Removes old events inside the transaction that is open, bucket by bucket. Numbers that follow each other go together, so that
 * whole pages come free, in tables and indexes alike, and the next events fill them again: the file stays as large as it was at most.
 *
 * The row of a bucket goes when the bucket is empty, but for the newest, which remembers how far numbers have been given.
 */
export function createRetainer(db: DatabaseSync, committer: Pick<Committer, 'newest' | 'endBucket'>) {
  const findBucket = db.prepare(`SELECT bucket FROM buckets WHERE bucket >= ? AND first_received_at < ?
    ORDER BY bucket LIMIT 1`)
  const isNoted = db.prepare('SELECT 1 FROM buckets WHERE bucket = ?')
  const findOld = db.prepare(`SELECT first_seq, size FROM requests WHERE first_seq BETWEEN ? AND ? AND received_at < ?
    ORDER BY first_seq LIMIT ${RETAINED_AT_ONCE}`)
  const findOpen = db.prepare(`SELECT seq FROM deliveries WHERE seq BETWEEN ?1 AND ?2 AND state <= ${STATE_NUMBERS.dispatched}
    UNION SELECT seq FROM deferrals WHERE seq BETWEEN ?1 AND ?2 AND ended_at IS NULL`)
  const removeRest = ABOUT_EVENTS.map((table) => db.prepare(`DELETE FROM ${table} WHERE seq BETWEEN ? AND ?`))
  const removeEvents = db.prepare('DELETE FROM events WHERE seq BETWEEN ? AND ?')
  const removeRequests = ['repeats', 'requests'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE first_seq BETWEEN ? AND ?`),
  )
  const removeBucket = db.prepare(`DELETE FROM buckets WHERE bucket = ?1 AND bucket < (SELECT max(bucket) FROM buckets)
    AND NOT EXISTS (SELECT 1 FROM events WHERE seq BETWEEN ?2 AND ?3)
    AND NOT EXISTS (SELECT 1 FROM requests WHERE first_seq BETWEEN ?2 AND ?3)`)
  const findOldest = db.prepare('SELECT first_seq, received_at FROM requests ORDER BY first_seq LIMIT 1')
  const removeSpans = createSpanRemover(db)

  /** The next bucket that may hold something old: a full one by its row, else the one that grows. */
  const nextBucket = (from: number, beforeUs: number): number | null => {
    const full = findBucket.get(from, beforeUs)?.['bucket']
    if (full !== undefined) return Number(full)
    const growing = Math.floor(committer.newest() / BUCKET_SIZE)
    return growing >= from && isNoted.get(growing) === undefined ? growing : null
  }
  /** The old requests of a bucket behind `from` that make up a step; a large one is never cut. */
  const takeOld = (from: number, to: number, beforeUs: number): Run[] => {
    const taken: Run[] = []
    let events = 0
    for (const row of findOld.iterate(from, to, beforeUs)) {
      const first = Number(row['first_seq'])
      const size = Number(row['size'])
      taken.push({ from: first, to: first + size - 1 })
      events += size
      if (events >= RETAINED_AT_ONCE) break
    }
    return taken
  }
  const remove = (old: readonly Run[]): number => {
    const [first, last] = [old[0]?.from ?? 0, old.at(-1)?.to ?? -1]
    const open = new Set(findOpen.all(first, last).map((row) => Number(row['seq'])))
    const { events, requests } = runsOf(old, open)
    if (events.at(-1)?.to === committer.newest()) committer.endBucket()
    let removed = 0
    for (const { from, to } of events) {
      for (const each of removeRest) each.run(from, to)
      removed += Number(removeEvents.run(from, to).changes)
    }
    for (const { from, to } of requests) for (const each of removeRequests) each.run(from, to)
    return removed
  }

  return (beforeUs: number, from: number): Retained => {
    const bucket = nextBucket(Math.floor(from / BUCKET_SIZE), beforeUs)
    let removed = 0
    let next: number | null = null
    if (bucket !== null) {
      const [start, end] = [bucket * BUCKET_SIZE, (bucket + 1) * BUCKET_SIZE - 1]
      const old = takeOld(Math.max(from, start), end, beforeUs)
      const last = old.at(-1)
      if (last !== undefined) {
        removed = remove(old)
        next = last.from + 1
      } else {
        removeBucket.run(bucket, start, end)
        removeSpans(Math.floor(Number(findOldest.get()?.['first_seq'] ?? start) / BUCKET_SIZE / SPAN))
        if (end < committer.newest()) next = end + 1
      }
    }
    const oldest = findOldest.get()?.['received_at']
    return { removed, next, oldestUs: oldest === undefined ? null : Number(oldest) }
  }
}
