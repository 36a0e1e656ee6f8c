import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import type { EventId } from '../../events/event.ts'
import type { EventQuery, EventRecord } from '../journal.ts'
import { type DeliveryState, numbersOf } from '../states.ts'
import { toBytes } from './bytes.ts'
import { EVENT_BITS } from './columns.ts'
import { type Dialect, dialectOf } from './dialect.ts'
import { rangesOf } from './ranges.ts'
import { readRecords } from './records.ts'

/**
 * Searching goes from range to range, so that no statement takes long however rare what it looks for. A server and a request have an
 * index in each bucket; other fields are compared row by row. First events are found, then their stories are read.
 */
export function createSearch({ engine, kysely }: Database<unknown>) {
  const dialect = dialectOf(engine)

  const search = async (query: EventQuery): Promise<readonly EventRecord[]> => {
    const conditions = await toConditions(kysely, dialect, query)
    if (conditions === null) return []
    const order = sql.raw(query.order === 'oldest' ? 'ASC' : 'DESC')
    const found: number[] = []
    for await (const { where, by } of rangesOf(kysely, dialect, query)) {
      const { rows } = await sql<{ seq: number }>`SELECT e.seq FROM events e WHERE ${sql.join([where, ...conditions], sql` AND `)}
        ORDER BY ${by} ${order} LIMIT ${query.limit - found.length}`.execute(kysely)
      for (const { seq } of rows) found.push(seq)
      if (found.length >= query.limit) break
    }
    return readRecords(kysely, dialect, found)
  }
  const event = async (id: EventId): Promise<EventRecord | null> => {
    const { rows } = await sql<{ seq: number }>`SELECT seq FROM events WHERE id = ${toBytes(id)}`.execute(kysely)
    const seqs = rows.map(({ seq }) => seq)
    return (await readRecords(kysely, dialect, seqs))[0] ?? null
  }
  return { search, event }
}

/** What a query asks of each event; null when nothing can match. */
async function toConditions(kysely: Kysely<unknown>, dialect: Dialect, query: EventQuery): Promise<RawBuilder<unknown>[] | null> {
  const conditions: RawBuilder<unknown>[] = []
  if (query.serverId !== undefined) conditions.push(sql`e.server = ${toBytes(query.serverId)}`)
  if (query.tag !== undefined) conditions.push(sql`e.tag = ${toBytes(query.tag)}`)
  if (query.code !== undefined) conditions.push(sql`e.code = ${query.code}`)
  if (query.name !== undefined) {
    const { rows } = await sql<{ kind: number }>`SELECT kind FROM kinds WHERE name = ${query.name}`.execute(kysely)
    const kinds = rows.map(({ kind }) => kind)
    if (kinds.length === 0) return null
    conditions.push(dialect.isOneOf('e.kind', kinds))
  }
  if (query.sinceUs !== undefined || query.untilUs !== undefined) {
    const receivedAt = sql`(SELECT r.received_at FROM requests r WHERE r.request = e.seq >> ${sql.lit(EVENT_BITS)})`
    conditions.push(sql`${receivedAt} BETWEEN ${query.sinceUs ?? 0} AND ${query.untilUs ?? Number.MAX_SAFE_INTEGER}`)
  }
  if (query.host === undefined && query.state === undefined) return conditions
  const hostId = query.host === undefined ? null : await findHost(kysely, query.host)
  if (hostId === undefined) return null
  conditions.push(hasDelivery(hostId, query.state))
  return conditions
}

async function findHost(kysely: Kysely<unknown>, host: string): Promise<number | undefined> {
  const { rows } = await sql<{ host_id: number }>`SELECT host_id FROM hosts WHERE host = ${Buffer.from(host)}`.execute(kysely)
  return rows[0]?.host_id
}

/**
 * Whether an event has a delivery to this host (null: to any) in this state (undefined: in any), open or ended. With a limit, because
 * MariaDB would answer EXISTS by reading the whole table first.
 */
function hasDelivery(hostId: number | null, state: DeliveryState | undefined): RawBuilder<unknown> {
  const ofHost = hostId === null ? sql`` : sql`AND x.host_id = ${hostId}`
  const inState = state === undefined ? sql`` : sql`AND x.state IN (${sql.raw(numbersOf(state).join())})`
  const ended = sql`(SELECT 1 FROM deliveries x WHERE x.seq = e.seq ${ofHost} ${inState} LIMIT 1) IS NOT NULL`
  const open = sql`(SELECT 1 FROM open_deliveries x WHERE x.id = e.id ${ofHost} ${inState} LIMIT 1) IS NOT NULL`
  if (state === 'pending') return open
  return state === undefined || state === 'dispatched' ? sql`(${ended} OR ${open})` : ended
}
