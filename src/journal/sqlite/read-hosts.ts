import type { HostName } from '../../events/event.ts'
import type { HostSummary, ParkedEvent, UnlocatedEvent } from '../journal.ts'
import { findPlace } from './read-events.ts'
import { EVENT_COLUMNS, EVENT_JOINS } from './read-open.ts'
import type { Job, Prepare, ReaderCalls } from './reads.ts'
import { parseHostSummary, parseParked, parseUnlocated } from './rows.ts'

const HOST_COLUMNS = 'host, pending, dispatched, last_seen'
const CONCERNS_US = '(pending + dispatched > 0 OR last_seen IS NOT NULL)'

const UNLOCATED = `SELECT ${EVENT_COLUMNS}, u.cell
  FROM deferrals AS u INDEXED BY deferrals_waiting
  CROSS JOIN events AS e ON e.seq = u.seq ${EVENT_JOINS}
  WHERE u.state = 0 AND u.seq > ? ORDER BY u.seq LIMIT ?`

const PARKED = `SELECT e.id, e.server, u.keep_until FROM deferrals AS u CROSS JOIN events AS e ON e.seq = u.seq
  WHERE u.seq IN (SELECT seq FROM deferrals INDEXED BY deferrals_parked WHERE state = 4 AND seq > ? ORDER BY seq LIMIT ?) ORDER BY u.seq`

/** How the hosts stand, and what waits to get one. */
export function createHostReads(prepare: Prepare) {
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

  // biome-ignore lint/correctness/useYield: a page by the index has nowhere to stop.
  function* parked({ after, limit }: ReaderCalls['parked']['body']): Job<readonly ParkedEvent[]> {
    const place = after === null ? -1 : findPlace(prepare, after)
    return prepare(PARKED).all(place, limit).map(parseParked)
  }

  return { hosts, host, claim, unlocated, parked }
}
