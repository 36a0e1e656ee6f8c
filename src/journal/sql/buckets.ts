import { sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import { DatabaseTrouble } from '../../database/trouble.ts'
import { BUCKET_BITS, bucketOf } from './columns.ts'
import { dialectOf } from './dialect.ts'
import { keepFilter, turnSpans } from './filters.ts'

/** A request that is older than this is in no transaction any more: the longest idle one is ended long before. */
const SETTLED_MS = 60_000
const EACH_MS = 10_000

/**
 * Notes the time span of each full bucket and which servers it has, a minute after it is full, so that a search for an hour does not
 * read a year, and one for a server not all buckets.
 */
export function keepBuckets(database: Database<unknown>): { stop(): void } {
  const { kysely } = database
  let next: number | null = null
  const ends: { readonly atMs: number; readonly request: number }[] = []
  const look = async () => {
    const { rows } = await sql<{ next: number | null; last: number | null }>`SELECT (SELECT max(bucket) + 1 FROM buckets) AS next,
      (SELECT max(request) FROM requests) AS last`.execute(kysely)
    ends.push({ atMs: performance.now(), request: rows[0]?.last ?? 0 })
    next = Math.max(next ?? 0, rows[0]?.next ?? 0)
    const settled = ends.findLast(({ atMs }) => atMs < performance.now() - SETTLED_MS)
    if (settled === undefined) return
    ends.splice(0, ends.indexOf(settled))
    for (; next < bucketOf(settled.request); next++) await fillBucket(database, next)
    await turnSpans(kysely, dialectOf(database.engine), next)
  }
  // What fails is done at the next look; another replica may have been faster.
  const timer = setInterval(() => void look().catch(() => {}), EACH_MS).unref()
  return { stop: () => clearInterval(timer) }
}

/** Notes the servers and the time span of one bucket, unless it is noted or empty. */
export async function fillBucket({ kysely, engine }: Database<unknown>, bucket: number): Promise<void> {
  const first = bucket * 2 ** BUCKET_BITS
  await keepFilter(kysely, dialectOf(engine), bucket)
  try {
    await sql`INSERT INTO buckets (bucket, first_received_at, last_received_at)
      SELECT ${sql.lit(bucket)}, min(received_at), max(received_at) FROM requests
      WHERE request BETWEEN ${first} AND ${first + 2 ** BUCKET_BITS - 1} HAVING count(*) > 0`.execute(kysely)
  } catch (error) {
    if (!(error instanceof DatabaseTrouble && error.kind === 'duplicate')) throw error
  }
}
