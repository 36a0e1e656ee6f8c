import type { EventId } from '../../events/event.ts'
import type { EventQuery, EventRecord } from '../journal.ts'
import { numbersOf } from '../states.ts'
import { toRequestColumn, toUuidColumn } from './columns.ts'
import { BUCKET_SHIFT, BUCKET_SIZE } from './database.ts'
import { createBucketFinder } from './find-buckets.ts'
import type { Job, Prepare } from './reads.ts'
import { parseDeliveryRecord, parseEventRecord, parseReplayed, type Row } from './rows.ts'

/** Events from one number to another, both included. */
interface Range {
  readonly from: number
  readonly to: number
}

/** What one statement looks through: a range, or of it the buckets that have a server's events. */
interface Look extends Range {
  readonly buckets?: readonly number[]
}

/** What a search asks of each event of a range, in SQL. */
interface Filter {
  readonly bucketed: boolean
  readonly conditions: readonly string[]
  readonly parameters: readonly (string | number | Uint8Array)[]
}

const COLUMNS = `e.seq, e.id, e.server, k.name, k.status, e.tag, e.code,
  r.received_at, r.request_id, r.global_request_id, r.microversion, s.user_id, s.user_name, s.project_id,
  u.state AS deferral, u.cell, u.reason, p.times, p.last_at, v.replay_of, v.run`
/** CROSS JOIN keeps SQLite from starting anywhere else than at the events of the range. */
const JOINS = `CROSS JOIN kinds AS k ON k.kind = e.kind
  CROSS JOIN requests AS r ON r.first_seq = e.first_seq
  CROSS JOIN senders AS s ON s.sender = r.sender
  LEFT JOIN deferrals AS u ON u.seq = e.seq
  LEFT JOIN repeats AS p ON p.first_seq = e.first_seq
  LEFT JOIN replays AS v ON v.seq = e.seq`

/** Where an event stands in the order of commits; null for an id that is not there. */
export function findSeq(prepare: Prepare, id: EventId): number | null {
  const row = prepare('SELECT seq FROM events WHERE id = ?').get(toUuidColumn(id))
  return row === undefined ? null : Number(row['seq'])
}

/** Where an event stands or would stand: the last event with an id up to this one; -1 before all. */
export function findPlace(prepare: Prepare, id: EventId): number {
  const exact = findSeq(prepare, id)
  if (exact !== null) return exact
  const row = prepare('SELECT seq FROM events WHERE id < ? ORDER BY id DESC LIMIT 1').get(toUuidColumn(id))
  return Number(row?.['seq'] ?? -1)
}

/**
 * Searching goes from bucket to bucket and stops at each, so that it is bounded between two stops (8192 events, 1 ms or so)
 * however rare what it looks for. A server, a request, open deliveries and times have an index in each bucket; other fields are
 * compared row by row: 90 ms through a million events, 330 ms where their deliveries must be looked at.
 */
export function createEventReads(prepare: Prepare) {
  const findBuckets = createBucketFinder(prepare)

  function readEvents(sql: string, parameters: readonly (string | number | Uint8Array)[]): EventRecord[] {
    const rows: Row[] = prepare(sql).all(...parameters)
    const deliveries = prepare(`SELECT h.host, d.cell, d.state, d.attempts, d.last_error, d.last_error_at,
        d.dispatched_at, d.ended_at
      FROM deliveries AS d JOIN hosts AS h ON h.host_id = d.host_id WHERE d.seq = ? ORDER BY h.host`)
    const replays = prepare(`SELECT e.id, v.run, r.received_at FROM replays AS v CROSS JOIN events AS e ON e.seq = v.seq
      CROSS JOIN requests AS r ON r.first_seq = e.first_seq WHERE v.replay_of = ? ORDER BY v.seq`)
    return rows.map((row) =>
      parseEventRecord(row, {
        deliveries: deliveries.all(Number(row['seq'])).map(parseDeliveryRecord),
        replays: replays.all(row['id'] ?? null).map(parseReplayed),
      }),
    )
  }

  function* search(query: EventQuery): Job<readonly EventRecord[]> {
    const filter = toFilter(prepare, query)
    if (filter === null) return []
    const found: EventRecord[] = []
    for (const look of filter.bucketed ? looksFor(query) : rangesOf(prepare, query)) {
      if (look !== null) {
        const sql = statementOf(filter, query.order ?? 'newest')
        const buckets = look.buckets === undefined ? [] : [JSON.stringify(look.buckets)]
        found.push(...readEvents(sql, [...buckets, look.from, look.to, ...filter.parameters, query.limit - found.length]))
      }
      if (found.length >= query.limit) break
      yield undefined
    }
    return found
  }

  /** What to look through for a server, in the query's order; null where a bucket cannot hold what else is asked. */
  function* looksFor(query: EventQuery): Generator<Look | null> {
    const bounds = boundsOf(prepare, query)
    if (bounds === null || query.serverId === undefined) return
    const range = [Math.floor(bounds.from / BUCKET_SIZE), Math.floor(bounds.to / BUCKET_SIZE)] as const
    for (const group of findBuckets(query.serverId, range, query.order !== 'oldest')) {
      const buckets = group.filter((bucket) => mayHold(prepare, query, bucket))
      yield buckets.length === 0 ? null : { ...bounds, buckets }
    }
  }

  // biome-ignore lint/correctness/useYield: a single look-up has nowhere to stop.
  function* event(id: EventId): Job<EventRecord | null> {
    return readEvents(`SELECT ${COLUMNS} FROM events AS e ${JOINS} WHERE e.id = ?`, [toUuidColumn(id)])[0] ?? null
  }

  return { search, event }
}

function statementOf(filter: Filter, order: 'newest' | 'oldest'): string {
  const conditions = ['e.seq BETWEEN ? AND ?', ...filter.conditions].join(' AND ')
  const from = filter.bucketed
    ? `json_each(?) AS b CROSS JOIN events AS e INDEXED BY events_by_server ${JOINS}
      WHERE e.seq >> ${BUCKET_SHIFT} = b.value AND ${conditions}`
    : `events AS e NOT INDEXED ${JOINS} WHERE ${conditions}`
  return `SELECT ${COLUMNS} FROM ${from} ORDER BY e.seq ${order === 'newest' ? 'DESC' : 'ASC'} LIMIT ?`
}

/** The conditions of a query; null when nothing can match. */
function toFilter(prepare: Prepare, query: EventQuery): Filter | null {
  const conditions: string[] = []
  const parameters: (string | number | Uint8Array)[] = []
  const demand = (condition: string, ...values: readonly (string | number | Uint8Array)[]) => {
    conditions.push(condition)
    parameters.push(...values)
  }
  if (query.serverId !== undefined) demand('e.server = ?', toUuidColumn(query.serverId))
  if (query.name !== undefined) demand('e.kind IN (SELECT kind FROM kinds WHERE name = ?)', query.name)
  if (query.tag !== undefined) demand('e.tag = ?', toUuidColumn(query.tag))
  if (query.code !== undefined) demand('e.code = ?', query.code)
  if (query.sinceUs !== undefined) demand('r.received_at >= ?', query.sinceUs)
  if (query.untilUs !== undefined) demand('r.received_at <= ?', query.untilUs)
  const delivery: string[] = []
  if (query.host !== undefined) {
    const hostId = prepare('SELECT host_id FROM hosts WHERE host = ?').get(query.host)?.['host_id']
    if (hostId === undefined) return null
    delivery.push('AND d.host_id = ?')
    parameters.push(Number(hostId))
  }
  if (query.state !== undefined) delivery.push(`AND d.state IN (${numbersOf(query.state).join()})`)
  if (delivery.length > 0) conditions.push(`EXISTS (SELECT 1 FROM deliveries AS d WHERE d.seq = e.seq ${delivery.join(' ')})`)
  return { bucketed: query.serverId !== undefined && query.requestId === undefined, conditions, parameters }
}

/** The ranges to look through, in the query's order; null where a bucket is passed over. */
function* rangesOf(prepare: Prepare, query: EventQuery): Generator<Look | null> {
  const bounds = boundsOf(prepare, query)
  if (bounds === null) return
  const newest = (query.order ?? 'newest') === 'newest'
  const first = Math.floor(startOf(prepare, bounds.from, query) / BUCKET_SIZE)
  const last = Math.floor(bounds.to / BUCKET_SIZE)
  for (let i = 0; i <= last - first; i++) {
    const bucket = newest ? last - i : first + i
    if (!mayHold(prepare, query, bucket)) yield null
    else if (query.requestId === undefined) yield clip(bounds, { from: bucket * BUCKET_SIZE, to: (bucket + 1) * BUCKET_SIZE - 1 })
    else for (const request of requestsIn(prepare, query.requestId, bucket, newest)) yield clip(bounds, request)
  }
}

/** The numbers between which a query looks; null when there is nothing. */
function boundsOf(prepare: Prepare, query: EventQuery): Range | null {
  const row = prepare('SELECT (SELECT min(seq) FROM events) AS first, (SELECT max(seq) FROM events) AS last').get()
  if (row === undefined || row['first'] === null) return null
  const all = { from: Number(row['first']), to: Number(row['last']) }
  if (query.after === undefined) return all
  const place = findPlace(prepare, query.after)
  if (query.order === 'oldest') return clip(all, { from: place + 1, to: all.to })
  const isThere = findSeq(prepare, query.after) !== null
  return clip(all, { from: 0, to: isThere ? place - 1 : place })
}

/** Where to start looking: a request that reaches into the range may begin before it. */
function startOf(prepare: Prepare, from: number, query: EventQuery): number {
  if (query.requestId === undefined) return from
  return Number(prepare('SELECT first_seq FROM events WHERE seq >= ? ORDER BY seq LIMIT 1').get(from)?.['first_seq'] ?? from)
}

function clip(a: Range, b: Range): Range | null {
  const range = { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
  return range.from <= range.to ? range : null
}

/** Whether a bucket can hold anything of the query, by what is known of it as a whole. */
function mayHold(prepare: Prepare, query: EventQuery, bucket: number): boolean {
  if (query.state === 'pending') {
    const sql = `SELECT 1 FROM deliveries INDEXED BY deliveries_open WHERE seq >> ${BUCKET_SHIFT} = ? AND state < 2 LIMIT 1`
    if (prepare(sql).get(bucket) === undefined) return false
  }
  if (query.sinceUs === undefined && query.untilUs === undefined) return true
  const span = prepare('SELECT first_received_at AS first, last_received_at AS last FROM buckets WHERE bucket = ?').get(bucket)
  if (span === undefined) return true
  return (
    Number(span['last']) >= (query.sinceUs ?? Number.NEGATIVE_INFINITY) &&
    Number(span['first']) <= (query.untilUs ?? Number.POSITIVE_INFINITY)
  )
}

/** The events of the requests that bear an id, ours or the sender's, and begin in a bucket. They may end in a later one. */
function requestsIn(prepare: Prepare, requestId: string, bucket: number, newest: boolean): readonly Range[] {
  const column = toRequestColumn(requestId)
  const rows = prepare(`SELECT first_seq, size FROM requests WHERE first_seq >> ${BUCKET_SHIFT} = ?1 AND request_id = ?2
    UNION SELECT first_seq, size FROM requests WHERE first_seq >> ${BUCKET_SHIFT} = ?1 AND global_request_id = ?2
    ORDER BY first_seq ${newest ? 'DESC' : 'ASC'}`).all(bucket, column)
  return rows.map((row) => ({
    from: Number(row['first_seq']),
    to: Number(row['first_seq']) + Number(row['size']) - 1,
  }))
}
