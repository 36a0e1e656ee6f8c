/** Rows of the file as what they mean: the edge at which they are believed. */
import type { SQLOutputValue } from 'node:sqlite'
import type { CellId, EventId, ExternalEvent, HostName, ServerId } from '../../events/event.ts'
import type { EventName, EventStatus } from '../../events/names.ts'
import type { RegisteredServer } from '../../servers/registry/registry.ts'
import type {
  Deferral,
  Delivery,
  DeliveryRecord,
  EventRecord,
  HostSummary,
  ParkedEvent,
  Replayed,
  ReplayMark,
  Sender,
  UnlocatedEvent,
} from '../journal.ts'
import { toReceipt } from '../receipts.ts'
import { NEVER_REPEATED, type Repeats } from '../repeats.ts'
import { toDeferralState, toState } from '../states.ts'
import { type Column, fromRequestColumn, fromUuidColumn } from './columns.ts'
import type { Mergeable } from './merge.ts'

export type Row = Record<string, SQLOutputValue>

function parseColumn(value: SQLOutputValue | undefined): Column {
  return value instanceof Uint8Array ? value : String(value)
}

function parseText(value: SQLOutputValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

function parseNumber(value: SQLOutputValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}

function parseEvent(row: Row): ExternalEvent {
  return {
    serverId: fromUuidColumn(parseColumn(row['server'])) as ServerId,
    name: row['name'] as EventName,
    status: row['status'] as EventStatus,
    tag: row['tag'] === null ? null : fromUuidColumn(parseColumn(row['tag'])),
  }
}

function parseRequest(row: Row) {
  return {
    receivedAtUs: Number(row['received_at']),
    requestId: fromRequestColumn(parseColumn(row['request_id'])),
    globalRequestId: row['global_request_id'] === null ? null : fromRequestColumn(parseColumn(row['global_request_id'])),
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

function parseDeferral(row: Row): Deferral | null {
  if (row['deferral'] === null) return null
  return {
    cell: row['cell'] as CellId | null,
    reason: String(row['reason']),
    state: toDeferralState(Number(row['deferral'])),
  }
}

function parseRepeats(row: Row): Repeats {
  return row['times'] === null ? NEVER_REPEATED : { count: Number(row['times']), lastAtUs: Number(row['last_at']) }
}

function parseReplayMark(row: Row): ReplayMark | null {
  if (row['replay_of'] === null) return null
  return { of: fromUuidColumn(parseColumn(row['replay_of'])) as EventId, run: fromRequestColumn(parseColumn(row['run'])) }
}

export function parseReplayed(row: Row): Replayed {
  return {
    id: fromUuidColumn(parseColumn(row['id'])) as EventId,
    run: fromRequestColumn(parseColumn(row['run'])),
    atUs: Number(row['received_at']),
  }
}

export function parseEventRecord(row: Row, of: Pick<EventRecord, 'deliveries' | 'replays'>): EventRecord {
  return {
    id: fromUuidColumn(parseColumn(row['id'])) as EventId,
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

export function parseDeliveryRecord(row: Row): DeliveryRecord {
  const lastError = parseText(row['last_error'])
  const { isSaid, receipt } = toReceipt(Number(row['state']), lastError)
  return {
    host: row['host'] as HostName,
    cell: row['cell'] as CellId | null,
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

/** An event that merges, with what makes two of them the same. */
export function parseMergeable(row: Row): Mergeable {
  const { serverId, name, tag } = parseEvent(row)
  return { eventId: fromUuidColumn(parseColumn(row['id'])) as EventId, key: JSON.stringify([serverId, name, tag]) }
}

export function parseSeq(row: Row): number {
  return Number(row['seq'])
}

export function parseDelivery(row: Row, host: HostName): Delivery {
  return {
    eventId: fromUuidColumn(parseColumn(row['id'])) as EventId,
    host,
    cell: row['cell'] as CellId | null,
    event: parseEvent(row),
    ...parseRequest(row),
    attempts: Number(row['attempts']),
    tries: Number(row['tries']),
  }
}

export function parseUnlocated(row: Row): UnlocatedEvent {
  return {
    eventId: fromUuidColumn(parseColumn(row['id'])) as EventId,
    cell: row['cell'] as CellId,
    event: parseEvent(row),
    ...parseRequest(row),
  }
}

export function parseParked(row: Row): ParkedEvent {
  return {
    eventId: fromUuidColumn(parseColumn(row['id'])) as EventId,
    serverId: fromUuidColumn(parseColumn(row['server'])) as ServerId,
    untilUs: Number(row['keep_until']),
  }
}

export function parseHostSummary(row: Row): HostSummary {
  return {
    host: row['host'] as HostName,
    pending: Number(row['pending']),
    dispatched: Number(row['dispatched']),
    lastSeenUs: parseNumber(row['last_seen']),
  }
}

export function parseServer(row: Row): RegisteredServer {
  return {
    uuid: fromUuidColumn(parseColumn(row['uuid'])) as ServerId,
    host: row['host'] as HostName | null,
    movingTo: row['moving_to'] as HostName | null,
    projectId: parseText(row['project_id']),
    name: parseText(row['name']),
    updatedAtUs: Number(row['updated_at']),
  }
}
