import { sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import type { EventId, HostName, ServerId } from '../../events/event.ts'
import { MERGING_NAMES } from '../../events/names.ts'
import type { AwaitedPage, Delivery, HostSummary, Outdated, ParkedEvent, UnlocatedEvent } from '../journal.ts'
import { DEFERRAL_NUMBERS, STATE_NUMBERS } from '../states.ts'
import { fromBytes, toBytes } from './bytes.ts'
import {
  EVENT_COLUMNS,
  EVENT_JOINS,
  parseCell,
  parseEvent,
  parseHost,
  parseId,
  parseNumber,
  parseRequest,
  type Row,
} from './columns.ts'
import { chunksOf, dialectOf } from './dialect.ts'
import type { Interner } from './intern.ts'
import { findPlace } from './place.ts'

/** Whether anybody has open deliveries of a host. By way of the owners, so that the key of the table is used. */
const HAS_OPEN = 'EXISTS (SELECT 1 FROM replicas p JOIN open_deliveries o ON o.owner = p.replica AND o.host_id = h.host_id)'

const DELIVERY_COLUMNS = `${EVENT_COLUMNS}, o.cell, o.attempts, o.tries`
/** What awaited events take with them of their servers, at most; the rest comes when that has left. */
const MOST_OF_SERVERS = 1000

function parseDelivery(row: Row, host: HostName): Delivery {
  const attempts = Number(row['attempts'])
  const tries = Number(row['tries'])
  const about = { eventId: parseId(row['id']), host, cell: parseCell(row['cell']), event: parseEvent(row) }
  return { ...about, ...parseRequest(row), attempts, tries }
}

export type OpenReads = ReturnType<typeof createOpenReads>

/** What is open, and how the hosts stand. Everything rejects with `DatabaseTrouble`. */
export function createOpenReads({ engine, kysely }: Database<unknown>, interner: Interner) {
  const dialect = dialectOf(engine)

  const placeOf = async (id: EventId | null): Promise<number> => (id === null ? -1 : (await findPlace(kysely, id)).seq)

  const open = async (
    life: number,
    { host, after, limit }: { host: HostName; after: EventId | null; limit: number },
  ): Promise<readonly Delivery[]> => {
    const hostId = (await interner.hosts.find([host]))(host)
    if (hostId === undefined) return []
    const place = await placeOf(after)
    const of = (awaited: 0 | 1) => sql`(SELECT seq, cell, attempts, tries FROM open_deliveries
      WHERE owner = ${life} AND host_id = ${hostId} AND awaited = ${awaited} AND seq > ${place} ORDER BY seq LIMIT ${limit})`
    // Both in the order of the key, merged.
    const { rows } = await sql<Row>`SELECT ${dialect.inOrder} ${sql.raw(DELIVERY_COLUMNS)}
      FROM (${of(0)} UNION ALL ${of(1)}) o JOIN events e ON e.seq = o.seq ${sql.raw(EVENT_JOINS)}
      ORDER BY o.seq LIMIT ${limit}`.execute(kysely)
    return rows.map((row) => parseDelivery(row, host))
  }
  const awaited = async (
    life: number,
    { host, after, limit }: { host: HostName; after: EventId | null; limit: number },
  ): Promise<AwaitedPage> => {
    const hostId = (await interner.hosts.find([host]))(host)
    if (hostId === undefined) return { deliveries: [], cursor: after, isMore: false }
    const place = await placeOf(after)
    const found = await sql<{ seq: number; id: Buffer; server_hash: number; server: Buffer }>`
      SELECT ${dialect.inOrder} o.seq, o.id, o.server_hash, e.server FROM open_deliveries o JOIN events e ON e.seq = o.seq
      WHERE o.owner = ${life} AND o.host_id = ${hostId} AND o.awaited = 1 AND o.seq > ${place}
      ORDER BY o.seq LIMIT ${limit}`.execute(kysely)
    const last = found.rows.at(-1)
    if (last === undefined) return { deliveries: [], cursor: after, isMore: false }
    const lastOf = new Map(found.rows.map(({ seq, server }) => [server.toString('latin1'), seq]))
    const hashes = [...new Set(found.rows.map((row) => row.server_hash))]
    const { rows } = await sql<Row>`SELECT ${dialect.inOrder} ${sql.raw(DELIVERY_COLUMNS)}
      FROM open_deliveries o JOIN events e ON e.seq = o.seq ${sql.raw(EVENT_JOINS)}
      WHERE ${dialect.isOneOf('o.server_hash', hashes)} AND o.host_id = ${hostId} AND o.owner = ${life} AND o.seq <= ${last.seq}
      ORDER BY o.seq LIMIT ${MOST_OF_SERVERS}`.execute(kysely)
    // Different servers may share a hash; and what came behind the last awaited one of a server waits for its turn.
    const taken = rows.filter((row) => Number(row['seq']) <= (lastOf.get((row['server'] as Buffer).toString('latin1')) ?? -1))
    const deliveries = taken.map((row) => parseDelivery(row, host))
    if (rows.length >= MOST_OF_SERVERS) return { deliveries, cursor: after, isMore: true }
    return { deliveries, cursor: parseId(last.id), isMore: found.rows.length >= limit }
  }
  const outdated = async (life: number, host: HostName, limit: number): Promise<readonly Outdated[]> => {
    const hostId = (await interner.hosts.find([host]))(host)
    if (hostId === undefined) return []
    const { rows } = await sql<{ id: Buffer; newest: Buffer }>`SELECT id, newest FROM (
        SELECT o.seq, o.id, FIRST_VALUE(o.id) OVER (PARTITION BY e.server, k.name, e.tag ORDER BY o.seq DESC) AS newest
        FROM open_deliveries o JOIN events e ON e.seq = o.seq JOIN kinds k ON k.kind = e.kind
        WHERE o.owner = ${life} AND o.host_id = ${hostId} AND o.awaited = 0 AND o.state = ${STATE_NUMBERS.pending} AND o.attempts = 0
          AND ${dialect.isOneOf('k.name', MERGING_NAMES)}
      ) waiting WHERE id <> newest ORDER BY seq LIMIT ${limit}`.execute(kysely)
    return rows.map(({ id, newest }) => ({ eventId: parseId(id), by: parseId(newest) }))
  }
  const unlocated = async (life: number, after: EventId | null, limit: number): Promise<readonly UnlocatedEvent[]> => {
    const place = await placeOf(after)
    const { rows } = await sql<Row>`SELECT ${dialect.inOrder} ${sql.raw(EVENT_COLUMNS)}, u.cell
      FROM deferrals u JOIN events e ON e.seq = u.seq ${sql.raw(EVENT_JOINS)}
      WHERE u.owner = ${life} AND u.seq > ${place} AND u.state = ${DEFERRAL_NUMBERS.waiting}
      ORDER BY u.seq LIMIT ${limit}`.execute(kysely)
    return rows.flatMap((row) => {
      const cell = parseCell(row['cell'])
      return cell === null ? [] : [{ eventId: parseId(row['id']), cell, event: parseEvent(row), ...parseRequest(row) }]
    })
  }
  const parked = async (life: number, after: EventId | null, limit: number): Promise<readonly ParkedEvent[]> => {
    const place = await placeOf(after)
    const { rows } = await sql<Row>`SELECT ${dialect.inOrder} e.id, e.server, u.keep_until
      FROM deferrals u JOIN events e ON e.seq = u.seq
      WHERE u.owner = ${life} AND u.seq > ${place} AND u.state = ${DEFERRAL_NUMBERS.parked}
      ORDER BY u.seq LIMIT ${limit}`.execute(kysely)
    return rows.map((row) => ({
      eventId: parseId(row['id']),
      serverId: fromBytes(row['server'] as Buffer) as ServerId,
      untilUs: Number(row['keep_until']),
    }))
  }
  const summarize = async (hosts: readonly Row[]): Promise<readonly HostSummary[]> => {
    const counts = new Map<string, number>()
    for (const chunk of chunksOf(hosts.map((row) => Number(row['host_id'])))) {
      const { rows } = await sql<{ host_id: number; state: number; deliveries: number }>`
        SELECT ${dialect.inOrder} o.host_id, o.state, count(*) AS deliveries FROM replicas p
        JOIN hosts h ON ${dialect.isOneOf('h.host_id', chunk)} JOIN open_deliveries o ON o.owner = p.replica AND o.host_id = h.host_id
        GROUP BY o.host_id, o.state`.execute(kysely)
      for (const row of rows) counts.set(`${row.host_id} ${row.state}`, row.deliveries)
    }
    return hosts.map((row) => ({
      host: parseHost(row['host']),
      pending: counts.get(`${row['host_id']} ${STATE_NUMBERS.pending}`) ?? 0,
      dispatched: counts.get(`${row['host_id']} ${STATE_NUMBERS.dispatched}`) ?? 0,
      lastSeenUs: parseNumber(row['last_seen']),
    }))
  }
  const hosts = async (after: HostName | null, limit: number): Promise<readonly HostSummary[]> => {
    const { rows } = await sql<Row>`SELECT h.host_id, h.host, h.last_seen FROM hosts h
      WHERE h.host > ${Buffer.from(after ?? '')} AND (h.last_seen IS NOT NULL OR ${sql.raw(HAS_OPEN)})
      ORDER BY h.host LIMIT ${limit}`.execute(kysely)
    return summarize(rows)
  }
  const host = async (name: HostName): Promise<HostSummary | null> => {
    const { rows } = await sql<Row>`SELECT h.host_id, h.host, h.last_seen FROM hosts h
      WHERE h.host = ${Buffer.from(name)} AND (h.last_seen IS NOT NULL OR ${sql.raw(HAS_OPEN)})`.execute(kysely)
    return (await summarize(rows))[0] ?? null
  }
  /** The names of hosts by their numbers, sorted. */
  const namesOf = async (hostIds: readonly number[]): Promise<readonly HostName[]> => {
    const names = new Set<HostName>()
    for (const chunk of chunksOf([...new Set(hostIds)])) {
      const { rows } = await sql<Row>`SELECT host FROM hosts WHERE ${dialect.isOneOf('host_id', chunk)}`.execute(kysely)
      for (const row of rows) names.add(parseHost(row['host']))
    }
    return [...names].sort()
  }
  /** The hosts of all that a life owns. */
  const hostsOf = async (life: number): Promise<readonly number[]> => {
    const { rows } = await sql<{ host_id: number }>`SELECT DISTINCT host_id FROM open_deliveries WHERE owner = ${life}`.execute(
      kysely,
    )
    return rows.map(({ host_id }) => host_id)
  }
  /** Of these events, those that the host ever had a delivery of that has ended. */
  const endedOf = async (name: HostName, ids: readonly EventId[]): Promise<ReadonlySet<EventId>> => {
    const ended = new Set<EventId>()
    const hostId = (await interner.hosts.find([name]))(name)
    if (hostId === undefined) return ended
    for (const chunk of chunksOf(ids)) {
      const { rows } = await sql<Row>`SELECT e.id FROM events e JOIN deliveries d ON d.seq = e.seq
        WHERE ${dialect.isOneOf('e.id', chunk.map(toBytes))} AND d.host_id = ${hostId}`.execute(kysely)
      for (const row of rows) ended.add(parseId(row['id']))
    }
    return ended
  }
  return { open, awaited, outdated, unlocated, parked, hosts, host, namesOf, hostsOf, endedOf }
}
