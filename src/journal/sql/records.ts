import { type Kysely, sql } from 'kysely'
import type { EventId } from '../../events/event.ts'
import type { DeliveryRecord, EventRecord, Replayed } from '../journal.ts'
import { fromRequestBytes } from './bytes.ts'
import {
  EVENT_BITS,
  EVENT_COLUMNS,
  EVENT_JOINS,
  parseDeferral,
  parseDeliveryRecord,
  parseEvent,
  parseId,
  parseRepeats,
  parseReplayMark,
  parseRequest,
  type Row,
} from './columns.ts'
import { chunksOf, type Dialect } from './dialect.ts'

/** The events of these numbers with their stories, in this order. */
export async function readRecords(
  kysely: Kysely<unknown>,
  dialect: Dialect,
  seqs: readonly number[],
): Promise<readonly EventRecord[]> {
  const records: EventRecord[] = []
  for (const chunk of chunksOf(seqs)) {
    const { rows } = await sql<Row>`SELECT ${sql.raw(EVENT_COLUMNS)}, e.code, r.microversion,
        u.cell AS deferral_cell, u.state AS deferral_state, u.reason AS deferral_reason, p.times, p.last_at, v.replay_of, v.run
      FROM events e ${sql.raw(EVENT_JOINS)} LEFT JOIN deferrals u ON u.seq = e.seq
      LEFT JOIN repeats p ON p.request = r.request LEFT JOIN replays v ON v.seq = e.seq
      WHERE ${dialect.isOneOf('e.seq', chunk)}`.execute(kysely)
    const events = new Map(rows.map((row) => [Number(row['seq']), row]))
    const deliveries = await readDeliveries(kysely, dialect, rows)
    const replays = await readReplays(kysely, dialect, rows)
    for (const seq of chunk) {
      const row = events.get(seq)
      if (row === undefined) continue
      const of = { deliveries: deliveries.get(seq) ?? [], replays: replays.get(parseId(row['id'])) ?? [] }
      records.push(toRecord(row, of))
    }
  }
  return records
}

/** Open and ended in one statement: none is between the two when it is read. */
async function readDeliveries(
  kysely: Kysely<unknown>,
  dialect: Dialect,
  events: readonly Row[],
): Promise<Map<number, DeliveryRecord[]>> {
  const deliveries = new Map<number, DeliveryRecord[]>()
  if (events.length === 0) return deliveries
  const seqs = events.map((row) => Number(row['seq']))
  const ids = events.map((row) => row['id'] as Buffer)
  const { rows } = await sql<Row>`
    SELECT d.seq, h.host, d.cell, d.state, d.attempts, d.last_error, d.last_error_at, d.dispatched_at, d.ended_at
    FROM deliveries d JOIN hosts h ON h.host_id = d.host_id WHERE ${dialect.isOneOf('d.seq', seqs)}
    UNION ALL
    SELECT o.seq, h.host, o.cell, o.state, o.attempts, o.last_error, o.last_error_at, o.dispatched_at, NULL
    FROM open_deliveries o JOIN hosts h ON h.host_id = o.host_id WHERE ${dialect.isOneOf('o.id', ids)}
    ORDER BY 1, 2`.execute(kysely)
  for (const row of rows) {
    const seq = Number(row['seq'])
    const ofEvent = deliveries.get(seq) ?? []
    ofEvent.push(parseDeliveryRecord(row))
    deliveries.set(seq, ofEvent)
  }
  return deliveries
}

/** The replays of these events, in their order. */
async function readReplays(kysely: Kysely<unknown>, dialect: Dialect, events: readonly Row[]): Promise<Map<EventId, Replayed[]>> {
  const replays = new Map<EventId, Replayed[]>()
  if (events.length === 0) return replays
  const ids = events.map((row) => row['id'] as Buffer)
  const { rows } = await sql<Row>`SELECT ${dialect.inOrder} v.replay_of, v.run, e.id, r.received_at
    FROM replays v JOIN events e ON e.seq = v.seq JOIN requests r ON r.request = e.seq >> ${sql.lit(EVENT_BITS)}
    WHERE ${dialect.isOneOf('v.replay_of', ids)} ORDER BY v.seq`.execute(kysely)
  for (const row of rows) {
    const original = parseId(row['replay_of'])
    const ofEvent = replays.get(original) ?? []
    ofEvent.push({ id: parseId(row['id']), run: fromRequestBytes(row['run'] as Buffer), atUs: Number(row['received_at']) })
    replays.set(original, ofEvent)
  }
  return replays
}

function toRecord(row: Row, of: Pick<EventRecord, 'deliveries' | 'replays'>): EventRecord {
  return {
    id: parseId(row['id']),
    ...parseRequest(row),
    microversion: String(row['microversion']),
    event: parseEvent(row),
    code: Number(row['code']),
    repeats: parseRepeats(row),
    deferral: parseDeferral(row),
    replay: parseReplayMark(row),
    ...of,
  }
}
