import { type Kysely, sql } from 'kysely'
import type { EventId, Outcome } from '../../events/event.ts'
import type { FirstRequest } from '../repeats.ts'
import { fromRequestBytes, keyOf, toBytes } from './bytes.ts'
import { bucketOf, EVENT_BITS, firstSeqOf, requestOf } from './columns.ts'

/** A request, and the numbers of the parts it was cut into. */
export interface Found extends FirstRequest {
  readonly parts: readonly number[]
}

/** A request by the id of its first event; null where it is gone, in part or as a whole. */
export async function findFirstRequest(db: Kysely<unknown>, id: EventId): Promise<Found | null> {
  const { rows } = await sql<{ seq: number; request_id: Buffer }>`SELECT e.seq, r.request_id
    FROM events e JOIN requests r ON r.request = e.seq >> ${sql.lit(EVENT_BITS)} WHERE e.id = ${toBytes(id)}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  const bucket = bucketOf(requestOf(row.seq))
  const parts = await sql<{ request: number; size: number }>`SELECT r.request, r.size
    FROM request_ids i JOIN requests r ON r.request = i.request
    WHERE i.bucket IN (${bucket}, ${bucket + 1}) AND i.id = ${keyOf(row.request_id)} AND r.request_id = ${row.request_id}
    ORDER BY r.request`.execute(db)
  const codes: Outcome['code'][] = []
  for (const { request, size } of parts.rows) {
    const events = await sql<{ code: Outcome['code'] }>`SELECT code FROM events
      WHERE seq BETWEEN ${firstSeqOf(request)} AND ${firstSeqOf(request + 1) - 1} ORDER BY seq`.execute(db)
    if (events.rows.length < size) return null
    for (const { code } of events.rows) codes.push(code)
  }
  return { requestId: fromRequestBytes(row.request_id), codes, parts: parts.rows.map(({ request }) => request) }
}
