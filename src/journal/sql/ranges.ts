import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { EventQuery } from '../journal.ts'
import { STATE_NUMBERS } from '../states.ts'
import { keyOf, toBytes, toRequestBytes } from './bytes.ts'
import { bucketOf, firstSeqOf, firstSeqOfBucket, requestOf } from './columns.ts'
import { chunksOf, type Dialect } from './dialect.ts'
import { bucketsWith } from './filters.ts'
import { findPlace } from './place.ts'

/** Events that one statement looks through. */
export interface Range {
  readonly where: RawBuilder<unknown>
  /** What to sort by: an expression where the order of the table is not to be used to find them. */
  readonly by: RawBuilder<unknown>
}

/** Events from one number to another, both included. */
interface Bounds {
  readonly from: number
  readonly to: number
}

/** Buckets that one statement compares row by row: some 130,000 requests, 100 ms. */
const BUCKETS_READ = 16
/** Buckets whose indexes one statement looks into, and requests whose events it finds. */
const SOUGHT = 500

/** The ranges to look through, in the query's order. */
export async function* rangesOf(kysely: Kysely<unknown>, dialect: Dialect, query: EventQuery): AsyncGenerator<Range> {
  const bounds = await boundsOf(kysely, query)
  if (bounds === null) return
  const isNewest = query.order !== 'oldest'
  const inOrder = <Item>(items: Item[]) => (isNewest ? items.reverse() : items)
  const buckets = inOrder(await bucketsOf(kysely, query, bounds))
  if (query.requestId !== undefined) {
    for (const chunk of chunksOf(buckets, SOUGHT)) {
      const requests = inOrder(await findRequests(kysely, dialect, query.requestId, chunk))
      for (const some of chunksOf(requests, SOUGHT)) yield { where: ofRequests(bounds, some), by: sql`e.seq` }
    }
  } else if (query.serverId !== undefined) {
    const server = toBytes(query.serverId)
    const begins = dialect.serverBegins(server)
    for (const chunk of chunksOf(await bucketsWith(kysely, dialect, { server, buckets }), SOUGHT))
      yield { where: sql`${dialect.isOneOf('e.bucket', chunk)} AND ${begins} AND ${within(bounds)}`, by: sql`e.seq + 0` }
  } else {
    for (const run of runsOf(buckets)) yield { where: within(clip(bounds, run)), by: sql`e.seq` }
  }
}

function within({ from, to }: Bounds): RawBuilder<unknown> {
  return sql`e.seq BETWEEN ${from} AND ${to}`
}

function clip(a: Bounds, b: Bounds): Bounds {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

/** The numbers between which a query looks; null when there is nothing. */
async function boundsOf(kysely: Kysely<unknown>, query: EventQuery): Promise<Bounds | null> {
  const { rows } =
    query.state === 'pending'
      ? await sql<Ends>`SELECT min(seq) AS first, max(seq) AS last FROM open_deliveries
          WHERE state = ${STATE_NUMBERS.pending}`.execute(kysely)
      : await sql<Ends>`SELECT min(seq) AS first, max(seq) AS last FROM events`.execute(kysely)
  const [ends] = rows
  if (ends === undefined || ends.first === null || ends.last === null) return null
  const all = { from: ends.first, to: ends.last }
  const bounds = query.after === undefined ? all : clip(all, await sideOf(kysely, { ...query, after: query.after }))
  return bounds.from <= bounds.to ? bounds : null
}

interface Ends {
  readonly first: number | null
  readonly last: number | null
}

/** What lies behind `after`, in the query's order. */
async function sideOf(
  kysely: Kysely<unknown>,
  { after, order }: EventQuery & Required<Pick<EventQuery, 'after'>>,
): Promise<Bounds> {
  const { seq, isThere } = await findPlace(kysely, after)
  if (order === 'oldest') return { from: seq + 1, to: Number.MAX_SAFE_INTEGER }
  return { from: 0, to: isThere ? seq - 1 : seq }
}

/** The buckets that can hold something, oldest first. */
async function bucketsOf(kysely: Kysely<unknown>, query: EventQuery, { from, to }: Bounds): Promise<number[]> {
  const first = bucketOf(requestOf(from))
  const last = bucketOf(requestOf(to))
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  if (query.sinceUs === undefined && query.untilUs === undefined) return all
  const { rows } = await sql<{ bucket: number }>`SELECT bucket FROM buckets WHERE bucket BETWEEN ${first} AND ${last}
    AND (last_received_at < ${query.sinceUs ?? 0} OR first_received_at > ${query.untilUs ?? Number.MAX_SAFE_INTEGER})`.execute(
    kysely,
  )
  const passedOver = new Set(rows.map(({ bucket }) => bucket))
  return all.filter((bucket) => !passedOver.has(bucket))
}

/** Buckets that follow each other, a few at a time, as bounds. */
function* runsOf(buckets: readonly number[]): Generator<Bounds> {
  let run: number[] = []
  for (const [i, bucket] of buckets.entries()) {
    run.push(bucket)
    const next = buckets[i + 1]
    if (next !== undefined && Math.abs(next - bucket) === 1 && run.length < BUCKETS_READ) continue
    yield { from: firstSeqOfBucket(Math.min(...run)), to: firstSeqOfBucket(Math.max(...run) + 1) - 1 }
    run = []
  }
}

/** The numbers of the requests that bear an id, ours or the sender's, in these buckets. */
async function findRequests(
  kysely: Kysely<unknown>,
  dialect: Dialect,
  requestId: string,
  buckets: readonly number[],
): Promise<number[]> {
  const { rows } = await sql<{ request: number }>`SELECT request FROM request_ids
    WHERE ${dialect.isOneOf('bucket', buckets)} AND id = ${keyOf(toRequestBytes(requestId))} ORDER BY request`.execute(kysely)
  return rows.map(({ request }) => request)
}

function ofRequests(bounds: Bounds, requests: readonly number[]): RawBuilder<unknown> {
  const each = requests.map((request) => clip(bounds, { from: firstSeqOf(request), to: firstSeqOf(request + 1) - 1 }))
  const there = each.filter(({ from, to }) => from <= to).map(within)
  return there.length === 0 ? sql`e.seq < 0` : sql`(${sql.join(there, sql` OR `)})`
}
