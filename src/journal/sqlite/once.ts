import type { DatabaseSync } from 'node:sqlite'
import type { Outcome } from '../../events/event.ts'
import { type Column, fromRequestColumn } from './columns.ts'
import type { Committer } from './commit.ts'
import { BUCKET_SHIFT } from './database.ts'
import type { WireCommittedOnce, WireOnce } from './protocol.ts'
import { createRecentKeys, MOST_RECENT_KEYS, type RecentKeys } from './recent-keys.ts'

/** A row of `requests` whose key is the one that was looked for. */
interface Earlier {
  readonly firstSeq: number
  readonly codes: readonly Outcome['code'][]
  readonly requestId: string
  /** What follows the digest in its key; empty where nothing does. */
  readonly content: Buffer
}

const DIGEST_BYTES = 16

/**
 * Writes submissions that may be repeats, inside the transaction that is open: what is found is committed with it or before. Which
 * requests of the last minutes had which key is known from memory, filled from the file at the start; a rollback leaves too much in
 * it, and so may only cost a look at a row.
 */
export function createOnce(db: DatabaseSync, committer: Committer, windowUs: number): (once: WireOnce) => WireCommittedOnce {
  const recent = readRecentKeys(db, windowUs)
  const find = db.prepare('SELECT received_at, request_id, size, repeat_key FROM requests WHERE first_seq = ?')
  const readCodes = db.prepare('SELECT code FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq')
  const count = db.prepare(`INSERT INTO repeats VALUES (?, 1, ?)
    ON CONFLICT DO UPDATE SET times = times + 1, last_at = max(last_at, excluded.last_at)`)

  const findEarlier = (digest: Buffer, atUs: number): Earlier | null => {
    for (const firstSeq of recent.find(digest)) {
      const row = find.get(firstSeq)
      if (!(row?.['repeat_key'] instanceof Uint8Array)) continue
      const key = Buffer.from(row['repeat_key'])
      const isSame = digest.equals(key.subarray(0, DIGEST_BYTES)) && atUs - Number(row['received_at']) <= windowUs
      if (!isSame) continue
      const size = Number(row['size'])
      const codes = readCodes.all(firstSeq, firstSeq + size - 1).map((each) => Number(each['code']) as Outcome['code'])
      // Retention has removed some of it.
      if (codes.length < size) continue
      const requestId = fromRequestColumn(row['request_id'] as Column)
      return { firstSeq, codes, requestId, content: key.subarray(DIGEST_BYTES) }
    }
    return null
  }

  return ([digestText, contentText, submission]) => {
    const [atUs, , , , , , , events] = submission
    const digest = Buffer.from(digestText, 'hex')
    const content = Buffer.from(contentText ?? '', 'hex')
    const earlier = findEarlier(digest, atUs)
    if (earlier === null) {
      if (events.length === 0) return ['kept']
      const firstSeq = committer.write(submission, Buffer.concat([digest, content]))
      recent.add(digest, firstSeq, atUs)
      return ['kept']
    }
    const { firstSeq, codes, requestId } = earlier
    if (!content.equals(earlier.content)) return ['taken', requestId]
    count.run(firstSeq, atUs)
    return ['repeat', requestId, codes]
  }
}

/** The keys of the requests of the last minutes. Full buckets tell where those begin: 1.7 µs a request. */
function readRecentKeys(db: DatabaseSync, windowUs: number): RecentKeys {
  const recent = createRecentKeys(windowUs)
  const sinceUs = Date.now() * 1000 - windowUs
  const rows = db
    .prepare(`SELECT first_seq, received_at, repeat_key FROM requests
      WHERE first_seq >= max(
          (SELECT coalesce(max(bucket) + 1, 0) << ${BUCKET_SHIFT} FROM buckets WHERE last_received_at < ?1),
          (SELECT coalesce(max(first_seq), 0) - ${MOST_RECENT_KEYS} FROM requests))
        AND received_at >= ?1 AND repeat_key IS NOT NULL
      ORDER BY first_seq`)
    .iterate(sinceUs)
  for (const { first_seq, received_at, repeat_key } of rows)
    if (repeat_key instanceof Uint8Array) recent.add(repeat_key, Number(first_seq), Number(received_at))
  return recent
}
