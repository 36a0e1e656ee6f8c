/** Values of columns as what they mean: the edge at which they are believed. */
import type { CellId, EventId, ExternalEvent, HostName, ServerId } from '../../events/event.ts'
import type { EventName, EventStatus } from '../../events/names.ts'
import type { Deferral, DeliveryRecord, ReplayMark, Sender } from '../journal.ts'
import { toReceipt } from '../receipts.ts'
import { NEVER_REPEATED, type Repeats } from '../repeats.ts'
import { toDeferralState, toState } from '../states.ts'
import { fromBytes, fromRequestBytes } from './bytes.ts'

/** Bits of `seq` that number the events of a request; the others are the request's number. */
export const EVENT_BITS = 12
export const MAX_EVENTS = 2 ** EVENT_BITS
/** Requests that share a bucket: 2 to this power. */
export const BUCKET_BITS = 13

/** Where the events of a request begin. Requests are numbered below 2^41, so that these are exact numbers. */
export const firstSeqOf = (request: number): number => request * MAX_EVENTS
export const requestOf = (seq: number): number => Math.floor(seq / MAX_EVENTS)
export const firstSeqOfBucket = (bucket: number): number => firstSeqOf(bucket * 2 ** BUCKET_BITS)
export const bucketOf = (request: number): number => Math.floor(request / 2 ** BUCKET_BITS)

/** The columns of an event and its request, for `parseEvent` and `parseRequest`. */
export const EVENT_COLUMNS = `e.seq, e.id, e.server, k.name, k.status, e.tag,
  r.received_at, r.request_id, r.global_request_id, s.user_id, s.user_name, s.project_id`
export const EVENT_JOINS = `JOIN kinds k ON k.kind = e.kind
  JOIN requests r ON r.request = e.seq >> ${EVENT_BITS}
  JOIN senders s ON s.sender = r.sender`

export type Row = Readonly<Record<string, unknown>>

export function parseId(value: unknown): EventId {
  return fromBytes(value as Buffer) as EventId
}

export function parseHost(value: unknown): HostName {
  return String(value) as HostName
}

export function parseCell(value: unknown): CellId | null {
  return value === null ? null : (fromBytes(value as Buffer) as CellId)
}

export function parseText(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

export function parseNumber(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

export function parseEvent(row: Row): ExternalEvent {
  return {
    serverId: fromBytes(row['server'] as Buffer) as ServerId,
    name: row['name'] as EventName,
    status: row['status'] as EventStatus,
    tag: row['tag'] === null ? null : fromBytes(row['tag'] as Buffer),
  }
}

export function parseRequest(row: Row) {
  return {
    receivedAtUs: Number(row['received_at']),
    requestId: fromRequestBytes(row['request_id'] as Buffer),
    globalRequestId: row['global_request_id'] === null ? null : fromRequestBytes(row['global_request_id'] as Buffer),
    sender: parseSender(row),
  }
}

function parseSender(row: Row): Sender {
  return {
    userId: parseText(row['user_id']),
    userName: parseText(row['user_name']),
    projectId: parseText(row['project_id']),
  }
}

export function parseRepeats(row: Row): Repeats {
  return row['times'] === null ? NEVER_REPEATED : { count: Number(row['times']), lastAtUs: Number(row['last_at']) }
}

export function parseDeferral(row: Row): Deferral | null {
  const state = parseNumber(row['deferral_state'])
  if (state === null) return null
  return {
    cell: parseCell(row['deferral_cell'] ?? null),
    reason: String(row['deferral_reason']),
    state: toDeferralState(state),
  }
}

export function parseReplayMark(row: Row): ReplayMark | null {
  if (row['replay_of'] === null) return null
  return { of: parseId(row['replay_of']), run: fromRequestBytes(row['run'] as Buffer) }
}

export function parseDeliveryRecord(row: Row): DeliveryRecord {
  const lastError = parseText(row['last_error'])
  const { isSaid, receipt } = toReceipt(Number(row['state']), lastError)
  return {
    host: parseHost(row['host']),
    cell: parseCell(row['cell']),
    state: toState(Number(row['state'])),
    attempts: Number(row['attempts']),
    lastError,
    lastErrorAtUs: parseNumber(row['last_error_at']),
    dispatchedAtUs: parseNumber(row['dispatched_at']),
    acknowledgedAtUs: isSaid ? parseNumber(row['ended_at']) : null,
    endedAtUs: parseNumber(row['ended_at']),
    receipt,
  }
}
