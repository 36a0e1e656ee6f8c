import { type Kysely, sql } from 'kysely'
import type { Retained } from '../journal.ts'
import { SPAN } from '../server-filter.ts'
import { keyOf } from './bytes.ts'
import { BUCKET_BITS, bucketOf, firstSeqOf, requestOf } from './columns.ts'
import { chunksOf, type Dialect } from './dialect.ts'
import { holdDuty } from './duty.ts'

/** Requests and events of a step, unless a single request has more: some ten statements, 10 ms. */
const REQUESTS_AT_ONCE = 256
const EVENTS_AT_ONCE = 500

/** A step: from which request on, and received before when. */
export interface RetainStep {
  readonly beforeUs: number
  readonly from: number
}

interface OldRequest {
  readonly request: number
  readonly size: number
  readonly request_id: Buffer
  readonly global_request_id: Buffer | null
}

/**
 * Removes old events in the transaction that is open, bucket by bucket, the rows one by one by their keys: what another replica
 * commits meanwhile is never touched, and no gap is locked. One replica at a time does it.
 */
export async function retainOld(
  db: Kysely<unknown>,
  { beforeUs, from }: RetainStep,
  { dialect, life }: { readonly dialect: Dialect; readonly life: number },
): Promise<Retained> {
  if (!(await holdDuty(db, dialect, { duty: 'retention', life }))) return { removed: 0, next: null, ...(await findOldest(db)) }
  const bucket = await nextBucket(db, bucketOf(from), beforeUs)
  if (bucket === null) return { removed: 0, next: null, ...(await findOldest(db)) }
  const end = (bucket + 1) * 2 ** BUCKET_BITS
  const old = await takeOld(db, { from: Math.max(from, bucket * 2 ** BUCKET_BITS), end, beforeUs })
  const last = old.at(-1)
  if (last === undefined) await removeBucket(db, bucket, end)
  const removed = last === undefined ? 0 : await remove(db, dialect, old)
  return { removed, next: last === undefined ? end : last.request + 1, ...(await findOldest(db)) }
}

async function findOldest(db: Kysely<unknown>): Promise<Pick<Retained, 'oldestUs'>> {
  const { rows } = await sql<{ received_at: number }>`SELECT received_at FROM requests ORDER BY request LIMIT 1`.execute(db)
  return { oldestUs: rows[0]?.received_at ?? null }
}

/** The next bucket that may hold something old: one whose time span is noted, else one that grows or did so just now. */
async function nextBucket(db: Kysely<unknown>, from: number, beforeUs: number): Promise<number | null> {
  const noted = await sql<{
    bucket: number
  }>`SELECT bucket FROM buckets WHERE bucket >= ${from} AND first_received_at < ${beforeUs}
    ORDER BY bucket LIMIT 1`.execute(db)
  if (noted.rows[0] !== undefined) return noted.rows[0].bucket
  const { rows } = await sql<{ noted: number | null; last: number | null }>`SELECT (SELECT max(bucket) FROM buckets) AS noted,
    (SELECT max(request) FROM requests) AS last`.execute(db)
  const next = Math.max(from, (rows[0]?.noted ?? -1) + 1)
  return next <= bucketOf(rows[0]?.last ?? -1) ? next : null
}

/** Old requests of a bucket that make up a step. */
async function takeOld(
  db: Kysely<unknown>,
  { from, end, beforeUs }: { readonly from: number; readonly end: number; readonly beforeUs: number },
): Promise<readonly OldRequest[]> {
  const { rows } = await sql<OldRequest>`SELECT request, size, request_id, global_request_id FROM requests
    WHERE request >= ${from} AND request < ${end} AND received_at < ${beforeUs}
    ORDER BY request LIMIT ${REQUESTS_AT_ONCE}`.execute(db)
  const taken: OldRequest[] = []
  let events = 0
  for (const row of rows) {
    taken.push(row)
    events += row.size
    if (events >= EVENTS_AT_ONCE) break
  }
  return taken
}

/** Removes all of these requests that is not open. Answers how many events. */
async function remove(db: Kysely<unknown>, dialect: Dialect, old: readonly OldRequest[]): Promise<number> {
  const requests = new Set(old.map(({ request }) => request))
  const [first, last] = [firstSeqOf(old[0]?.request ?? 0), firstSeqOf((old.at(-1)?.request ?? -1) + 1) - 1]
  const within = sql`BETWEEN ${first} AND ${last}`
  const events = await sql<{ seq: number }>`SELECT seq FROM events WHERE seq ${within}`.execute(db)
  const open = await sql<{ seq: number }>`SELECT ${dialect.inOrder} e.seq FROM events e JOIN open_deliveries o ON o.id = e.id
    WHERE e.seq ${within} UNION SELECT seq FROM deferrals WHERE seq ${within} AND ended_at IS NULL`.execute(db)
  const kept = new Set(open.rows.map(({ seq }) => seq))
  const keptRequests = new Set([...kept].map(requestOf))
  const gone = events.rows.map(({ seq }) => seq).filter((seq) => requests.has(requestOf(seq)) && !kept.has(seq))
  for (const chunk of chunksOf(gone))
    for (const table of ['deliveries', 'deferrals', 'replays', 'events'])
      await sql`DELETE FROM ${sql.raw(table)} WHERE ${dialect.isOneOf('seq', chunk)}`.execute(db)
  await removeRequests(
    db,
    dialect,
    old.filter(({ request }) => !keptRequests.has(request)),
  )
  return gone.length
}

async function removeRequests(db: Kysely<unknown>, dialect: Dialect, whole: readonly OldRequest[]): Promise<void> {
  if (whole.length === 0) return
  const numbers = whole.map(({ request }) => request)
  const ids = whole.flatMap(({ request_id, global_request_id }) => [
    keyOf(request_id),
    ...(global_request_id === null ? [] : [keyOf(global_request_id)]),
  ])
  // `+ 0`: each id is looked up once, and not once with each number.
  await sql`DELETE FROM request_ids WHERE bucket = ${bucketOf(numbers[0] ?? 0)} AND ${dialect.isOneOf('id', ids)}
    AND request + 0 IN (${sql.join(numbers)})`.execute(db)
  for (const table of ['repeats', 'requests'])
    await sql`DELETE FROM ${sql.raw(table)} WHERE ${dialect.isOneOf('request', numbers)}`.execute(db)
}

/** The row of an empty bucket goes, but for the newest: behind it buckets are noted. */
async function removeBucket(db: Kysely<unknown>, bucket: number, end: number): Promise<void> {
  const { rows } = await sql<{ newest: number | null; first: number | null }>`SELECT (SELECT max(bucket) FROM buckets) AS newest,
    (SELECT min(request) FROM requests WHERE request >= ${bucket * 2 ** BUCKET_BITS}) AS first`.execute(db)
  const [{ newest, first } = { newest: null, first: null }] = rows
  if (newest === null || newest <= bucket || (first !== null && first < end)) return
  await sql`DELETE FROM buckets WHERE bucket = ${bucket}`.execute(db)
  const oldest = await sql<{ first: number | null }>`SELECT min(request) AS first FROM requests`.execute(db)
  const oldestRequest = oldest.rows[0]?.first ?? null
  const span = Math.floor((oldestRequest === null ? bucket : bucketOf(oldestRequest)) / SPAN)
  await sql`DELETE FROM span_servers WHERE span < ${span}`.execute(db)
}
