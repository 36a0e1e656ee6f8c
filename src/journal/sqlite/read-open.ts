import type { EventId, HostName, ServerId } from '../../events/event.ts'
import { MERGING_NAMES } from '../../events/names.ts'
import type { AwaitedPage, Delivery, Outdated } from '../journal.ts'
import { STATE_NUMBERS } from '../states.ts'
import { toUuidColumn } from './columns.ts'
import { BUCKET_SHIFT, BUCKET_SIZE, NEXT_BUCKET } from './database.ts'
import { createMerge } from './merge.ts'
import { findPlace } from './read-events.ts'
import type { Job, Prepare, ReaderCalls } from './reads.ts'
import { parseDelivery, parseMergeable, parseSeq, type Row } from './rows.ts'

/** Whether a bucket holds open deliveries of a host. */
const IS_IN_BUCKET = `SELECT 1 FROM deliveries INDEXED BY deliveries_open
  WHERE seq >> ${BUCKET_SHIFT} = ? AND host_id = ? AND state < 2 LIMIT 1`

/** The columns of an event and its request, and where they come from. */
export const EVENT_COLUMNS = `e.id, e.server, k.name, k.status, e.tag,
  r.received_at, r.request_id, r.global_request_id, s.user_id, s.user_name, s.project_id`
export const EVENT_JOINS = `CROSS JOIN kinds AS k ON k.kind = e.kind
  CROSS JOIN requests AS r ON r.first_seq = e.first_seq
  CROSS JOIN senders AS s ON s.sender = r.sender`

const COLUMNS = `d.seq, ${EVENT_COLUMNS}, d.cell, d.attempts, d.tries`

/** Open deliveries of a host in a bucket: ?1 the bucket, ?2 the host, ?3 behind, ?4 so many. */
const openOf = (awaited: 0 | 1) => `SELECT ${COLUMNS}
  FROM deliveries AS d INDEXED BY deliveries_open
  CROSS JOIN events AS e ON e.seq = d.seq ${EVENT_JOINS}
  WHERE d.seq >> ${BUCKET_SHIFT} = ?1 AND d.host_id = ?2 AND d.awaited = ${awaited} AND d.state < 2 AND d.seq > ?3`
const AWAITED_IN_BUCKET = `${openOf(1)} ORDER BY d.seq LIMIT ?4`
/** Both in the order of the index, merged. */
const OPEN_IN_BUCKET = `${openOf(0)} UNION ALL ${openOf(1)} ORDER BY 1 LIMIT ?4`

/** What is open of a server for a host in a bucket: ?1 the bucket, ?2 the server, ?3 the host, ?4 up to, ?5 so many. */
const OPEN_OF_SERVER = `SELECT ${COLUMNS}
  FROM events AS e INDEXED BY events_by_server
  CROSS JOIN deliveries AS d ON d.seq = e.seq AND d.host_id = ?3 ${EVENT_JOINS}
  WHERE e.seq >> ${BUCKET_SHIFT} = ?1 AND e.server = ?2 AND e.seq <= ?4 AND d.state < 2 ORDER BY e.seq LIMIT ?5`

const MERGEABLE_IN_BUCKET = `SELECT d.seq, e.id, e.server, k.name, e.tag
  FROM deliveries AS d INDEXED BY deliveries_open
  CROSS JOIN events AS e ON e.seq = d.seq CROSS JOIN kinds AS k ON k.kind = e.kind
  WHERE d.seq >> ${BUCKET_SHIFT} = ? AND d.host_id = ? AND d.awaited = 0 AND d.state < 2 AND d.seq > ?
    AND d.state = ${STATE_NUMBERS.pending} AND d.attempts = 0
    AND k.name IN (${MERGING_NAMES.map((name) => `'${name}'`).join()}) ORDER BY d.seq LIMIT ?`

/** What an awaited event takes with it of its server, at most; the rest, and the event, come when that has left. */
const MOST_OF_SERVER = 256
/** Rows between two stops, and of one search. */
const ROWS = 512
const MOST_ROWS = 100_000

/** What is open for a host. */
export function createOpenReads(prepare: Prepare) {
  const hostIdOf = (host: HostName): number | null => {
    const row = prepare('SELECT host_id FROM hosts WHERE host = ? AND pending + dispatched > 0').get(host)
    return row === undefined ? null : Number(row['host_id'])
  }
  const nextBucket = (from: number): number | null => {
    const row = prepare(NEXT_BUCKET).get(from)
    return row === undefined ? null : Number(row['bucket'])
  }

  function* open({ host, after, limit }: ReaderCalls['open']['body']): Job<readonly Delivery[]> {
    const rows = yield* read(OPEN_IN_BUCKET, host, after, limit)
    return rows.map((row) => parseDelivery(row, host))
  }

  /** Rows of one of the statements that take a bucket, bucket by bucket. */
  function* read(sql: string, host: HostName, after: EventId | null, limit: number): Job<readonly Row[]> {
    const found: Row[] = []
    const hostId = hostIdOf(host)
    if (hostId === null) return found
    const place = after === null ? -1 : findPlace(prepare, after)
    for (let from = Math.floor(Math.max(place, 0) / BUCKET_SIZE); ; ) {
      const bucket = nextBucket(from)
      if (bucket === null) return found
      found.push(...prepare(sql).all(bucket, hostId, place, limit - found.length))
      if (found.length >= limit) return found
      from = bucket + 1
      yield undefined
    }
  }

  /** The buckets that hold open deliveries of a host. */
  function* bucketsOf(hostId: number, last = Number.POSITIVE_INFINITY): Job<readonly number[]> {
    const buckets: number[] = []
    for (let bucket = nextBucket(0); bucket !== null && bucket <= last; bucket = nextBucket(bucket + 1)) {
      if (prepare(IS_IN_BUCKET).get(bucket, hostId) !== undefined) buckets.push(bucket)
      yield undefined
    }
    return buckets
  }

  function* awaited({ host, after, limit }: ReaderCalls['awaited']['body']): Job<AwaitedPage> {
    const hostId = hostIdOf(host)
    const rows = yield* read(AWAITED_IN_BUCKET, host, after, limit)
    const last = rows.at(-1)
    if (hostId === null || last === undefined) return { deliveries: [], cursor: after, isMore: false }
    const lastOf = new Map(rows.map((row) => [parseDelivery(row, host).event.serverId, parseSeq(row)]))
    const buckets = yield* bucketsOf(hostId, Math.floor(parseSeq(last) / BUCKET_SIZE))
    const deliveries: Delivery[] = []
    let isCut = false
    for (const [server, upTo] of lastOf) {
      const ofServer = yield* openOfServer({ hostId, server, upTo, buckets })
      isCut ||= ofServer.length >= MOST_OF_SERVER
      for (const row of ofServer) deliveries.push(parseDelivery(row, host))
    }
    if (isCut) return { deliveries, cursor: after, isMore: true }
    return { deliveries, cursor: parseDelivery(last, host).eventId, isMore: rows.length >= limit }
  }

  /** What is open of a server for a host, up to a number: a seek in each bucket. */
  function* openOfServer({ hostId, server, upTo, buckets }: OfServer): Job<readonly Row[]> {
    const found: Row[] = []
    const column = toUuidColumn(server)
    for (const bucket of buckets) {
      found.push(...prepare(OPEN_OF_SERVER).all(bucket, column, hostId, upTo, MOST_OF_SERVER - found.length))
      if (found.length >= MOST_OF_SERVER) break
      yield undefined
    }
    return found
  }

  function* outdated({ host, limit }: ReaderCalls['outdated']['body']): Job<readonly Outdated[]> {
    const merge = createMerge()
    const hostId = hostIdOf(host)
    if (hostId === null) return []
    let read = 0
    for (const bucket of yield* bucketsOf(hostId)) {
      for (let place = -1, isMore = read < MOST_ROWS; isMore; ) {
        const rows = prepare(MERGEABLE_IN_BUCKET).all(bucket, hostId, place, ROWS)
        for (const row of rows) merge.add(parseMergeable(row))
        read += rows.length
        place = parseSeq(rows.at(-1) ?? {})
        isMore = rows.length === ROWS && read < MOST_ROWS
        yield undefined
      }
    }
    return merge.outdated(limit)
  }

  return { open, awaited, outdated }
}

interface OfServer {
  readonly hostId: number
  readonly server: ServerId
  /** The number of its last awaited event. */
  readonly upTo: number
  readonly buckets: readonly number[]
}
