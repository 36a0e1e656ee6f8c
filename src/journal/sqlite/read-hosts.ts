import type { HostName } from '../../events/event.ts'
import type { Delivery, HostSummary, UnlocatedEvent } from '../journal.ts'
import { BUCKET_SHIFT, BUCKET_SIZE } from './database.ts'
import { findPlace } from './read-events.ts'
import type { Job, Prepare, ReaderCalls } from './reads.ts'
import { parseDelivery, parseHostSummary, parseUnlocated } from './rows.ts'

const HOST_COLUMNS = 'host, pending, dispatched, last_seen'
const CONCERNS_US = '(pending + dispatched > 0 OR last_seen IS NOT NULL)'

/** The next bucket that holds open deliveries of anybody. */
const NEXT_BUCKET = `SELECT seq >> ${BUCKET_SHIFT} AS bucket FROM deliveries INDEXED BY deliveries_open
  WHERE seq >> ${BUCKET_SHIFT} >= ? AND state < 2 ORDER BY seq >> ${BUCKET_SHIFT} LIMIT 1`

const EVENT_COLUMNS = `e.id, e.server, k.name, k.status, e.tag,
  r.received_at, r.request_id, r.global_request_id, s.user_id, s.user_name, s.project_id`
const EVENT_JOINS = `CROSS JOIN kinds AS k ON k.kind = e.kind
  CROSS JOIN requests AS r ON r.first_seq = e.first_seq
  CROSS JOIN senders AS s ON s.sender = r.sender`

const OPEN_IN_BUCKET = `SELECT ${EVENT_COLUMNS}, d.cell, d.attempts
  FROM deliveries AS d INDEXED BY deliveries_open
  CROSS JOIN events AS e ON e.seq = d.seq ${EVENT_JOINS}
  WHERE d.seq >> ${BUCKET_SHIFT} = ? AND d.host_id = ? AND d.state < 2 AND d.seq > ?
  ORDER BY d.seq LIMIT ?`

const UNLOCATED = `SELECT ${EVENT_COLUMNS}, u.cell
  FROM deferrals AS u INDEXED BY deferrals_waiting
  CROSS JOIN events AS e ON e.seq = u.seq ${EVENT_JOINS}
  WHERE u.state = 0 AND u.seq > ? ORDER BY u.seq LIMIT ?`

/** What is open for a host, and how the hosts stand. */
export function createHostReads(prepare: Prepare) {
  function* open({ host, after, limit }: ReaderCalls['open']['body']): Job<readonly Delivery[]> {
    const found: Delivery[] = []
    const hostId = prepare('SELECT host_id FROM hosts WHERE host = ? AND pending + dispatched > 0').get(host)?.['host_id']
    if (hostId === undefined) return found
    const place = after === null ? -1 : findPlace(prepare, after)
    let from = Math.floor(Math.max(place, 0) / BUCKET_SIZE)
    for (;;) {
      const bucket = prepare(NEXT_BUCKET).get(from)?.['bucket']
      if (bucket === undefined) return found
      const rows = prepare(OPEN_IN_BUCKET).all(bucket, hostId, place, limit - found.length)
      for (const row of rows) found.push(parseDelivery(row, host))
      if (found.length >= limit) return found
      from = Number(bucket) + 1
      yield undefined
    }
  }

  // biome-ignore lint/correctness/useYield: a page by the index has nowhere to stop.
  function* hosts({ after, limit }: ReaderCalls['hosts']['body']): Job<readonly HostSummary[]> {
    const sql = `SELECT ${HOST_COLUMNS} FROM hosts WHERE host > ? AND ${CONCERNS_US} ORDER BY host LIMIT ?`
    return prepare(sql)
      .all(after ?? '', limit)
      .map(parseHostSummary)
  }

  // biome-ignore lint/correctness/useYield: a single look-up has nowhere to stop.
  function* host(name: HostName): Job<HostSummary | null> {
    const row = prepare(`SELECT ${HOST_COLUMNS} FROM hosts WHERE host = ? AND ${CONCERNS_US}`).get(name)
    return row === undefined ? null : parseHostSummary(row)
  }

  function* claim(): Job<readonly HostName[]> {
    const rows = prepare('SELECT host FROM hosts WHERE pending + dispatched > 0 ORDER BY host').all()
    return rows.map((row) => row['host'] as HostName)
  }

  // biome-ignore lint/correctness/useYield: a page by the index has nowhere to stop.
  function* unlocated({ after, limit }: ReaderCalls['unlocated']['body']): Job<readonly UnlocatedEvent[]> {
    const place = after === null ? -1 : findPlace(prepare, after)
    return prepare(UNLOCATED).all(place, limit).map(parseUnlocated)
  }

  return { open, hosts, host, claim, unlocated }
}
