import { type Kysely, sql } from 'kysely'
import { addServer, BLOCKS, bucketsIn, FILTER_BYTES, placeOf, rowsOf, SPAN } from '../server-filter.ts'
import { type BulkTable, type Cell, chunksOf, type Dialect } from './dialect.ts'

/** A bucket with more events has requests so large that there are few buckets: its filter says yes to all. */
const MOST_EVENTS = 50_000
const ROWS_AT_ONCE = 256

const BUCKET_SERVERS: BulkTable = {
  name: 'bucket_servers',
  columns: [
    ['bucket', 'int'],
    ['bits', 'bytea'],
  ],
}

const SPAN_SERVERS: BulkTable = {
  name: 'span_servers',
  columns: [
    ['span', 'int'],
    ['block', 'int'],
    ['bits', 'bytea'],
  ],
}

/** Keeps the filter of a bucket that takes no more events. */
export async function keepFilter(kysely: Kysely<unknown>, dialect: Dialect, bucket: number): Promise<void> {
  const { rows } = await sql<{ server: Buffer }>`SELECT server FROM events WHERE bucket = ${bucket}
    LIMIT ${MOST_EVENTS + 1}`.execute(kysely)
  const filter = Buffer.alloc(FILTER_BYTES, rows.length > MOST_EVENTS ? 0xff : 0)
  if (rows.length <= MOST_EVENTS) for (const { server } of rows) addServer(filter, server)
  await dialect.insert(kysely, BUCKET_SERVERS, [[bucket, filter]], dialect.orIgnore(BUCKET_SERVERS, 'bucket'))
}

/** Turns round the filters of all spans before this bucket that still wait for it. Doing it again, or twice at once, is harmless. */
export async function turnSpans(kysely: Kysely<unknown>, dialect: Dialect, before: number): Promise<void> {
  for (;;) {
    const { rows } = await sql<{ first: number | null }>`SELECT min(bucket) AS first FROM bucket_servers`.execute(kysely)
    const span = Math.floor((rows[0]?.first ?? before) / SPAN)
    if (span >= Math.floor(before / SPAN)) return
    await turnSpan(kysely, dialect, span)
  }
}

async function turnSpan(kysely: Kysely<unknown>, dialect: Dialect, span: number): Promise<void> {
  const within = sql`bucket BETWEEN ${span * SPAN} AND ${span * SPAN + SPAN - 1}`
  const kept = await sql<{ bucket: number; bits: Buffer }>`SELECT bucket, bits FROM bucket_servers WHERE ${within}`.execute(
    kysely,
  )
  // One of which nothing is known may have every server.
  const filters: Uint8Array[] = Array.from({ length: SPAN }, () => Buffer.alloc(FILTER_BYTES, 0xff))
  for (const { bucket, bits } of kept.rows) filters[bucket % SPAN] = bits
  const rows = [...rowsOf(filters, BLOCKS)].map((bits, block): Cell[] => [span, block, Buffer.from(bits.buffer)])
  for (const chunk of chunksOf(rows, ROWS_AT_ONCE))
    await dialect.insert(kysely, SPAN_SERVERS, chunk, dialect.orIgnore(SPAN_SERVERS, 'span, block'))
  await sql`DELETE FROM bucket_servers WHERE ${within}`.execute(kysely)
}

/** Of these buckets those that may have events of a server, in their order. A few are not worth asking about. */
export async function bucketsWith(
  kysely: Kysely<unknown>,
  dialect: Dialect,
  { server, buckets }: { readonly server: Buffer; readonly buckets: readonly number[] },
): Promise<number[]> {
  if (buckets.length <= SPAN) return [...buckets]
  const place = placeOf(server)
  const found = new Map<number, ReadonlySet<number>>()
  for (const spans of chunksOf([...new Set(buckets.map((bucket) => Math.floor(bucket / SPAN)))])) {
    const { rows } = await sql<{ span: number; bits: Buffer }>`SELECT span, bits FROM span_servers
      WHERE ${dialect.isOneOf('span', spans)} AND block = ${place.block}`.execute(kysely)
    for (const { span, bits } of rows) found.set(span, new Set(bucketsIn(bits, place)))
  }
  return buckets.filter((bucket) => found.get(Math.floor(bucket / SPAN))?.has(bucket % SPAN) ?? true)
}
