import type { Destination, Outcome } from '../../events/event.ts'
import {
  type DecidedEvent,
  type Deferral,
  type DeliveryRecord,
  type EventRecord,
  type HostSummary,
  PARKED_REASON,
  type SubmissionHead,
} from '../../journal/journal.ts'
import { NEVER_REPEATED } from '../../journal/repeats.ts'
import type { RegisteredServer } from '../../servers/registry/registry.ts'
import { renderReceipt } from './receipts.ts'
import { renderTime, renderTimeOrNull } from './time.ts'
import type { WireEvent, WireHost, WireServer } from './wire.ts'

/** A server in the words of the wire. */
export function renderServer(server: RegisteredServer): WireServer {
  return {
    uuid: server.uuid,
    host: server.host,
    moving_to: server.movingTo,
    project_id: server.projectId,
    name: server.name,
    updated_at: renderTime(server.updatedAtUs),
  }
}

/** A host in the words of the wire. */
export function renderHost(host: HostSummary, connected: boolean): WireHost {
  return {
    host: host.host,
    pending: host.pending,
    dispatched: host.dispatched,
    connected,
    last_seen: renderTimeOrNull(host.lastSeenUs),
  }
}

/** An event with its story in the words of the wire. */
export function renderEvent(record: EventRecord): WireEvent {
  const { event, sender } = record
  return {
    id: record.id,
    received_at: renderTime(record.receivedAtUs),
    request_id: record.requestId,
    global_request_id: record.globalRequestId,
    sender: { user_id: sender.userId, user_name: sender.userName, project_id: sender.projectId },
    microversion: record.microversion,
    server_uuid: event.serverId,
    name: event.name,
    status: event.status,
    tag: event.tag,
    code: record.code,
    repeats: record.repeats.count,
    last_repeat_at: renderTimeOrNull(record.repeats.lastAtUs),
    deferral: record.deferral,
    deliveries: record.deliveries.map(renderDelivery),
    replay_of: record.replay?.of ?? null,
    replays: record.replays.map(({ id, run, atUs }) => ({ id, run, at: renderTime(atUs) })),
  }
}

/** An event in the moment of its decision, as the journal will tell it. */
export function renderDecided(submission: SubmissionHead, { id, event, outcome, replay }: DecidedEvent): WireEvent {
  const { receivedAtUs, requestId, globalRequestId, sender, microversion } = submission
  const deliveries = outcome.kind === 'accepted' ? outcome.destinations.map(toPending) : []
  const about = { id, receivedAtUs, requestId, globalRequestId, sender, microversion }
  const story = { repeats: NEVER_REPEATED, deferral: toDeferral(outcome), deliveries, replay: replay ?? null, replays: [] }
  return renderEvent({ ...about, event, code: outcome.code, ...story })
}

function toDeferral(outcome: Outcome): Deferral | null {
  if (outcome.kind === 'deferred') return { cell: outcome.cell, reason: outcome.reason, state: 'waiting' }
  return outcome.kind === 'parked' ? { cell: null, reason: PARKED_REASON, state: 'parked' } : null
}

const NO_TIMES = { lastErrorAtUs: null, dispatchedAtUs: null, acknowledgedAtUs: null, endedAtUs: null }

function toPending({ host, cell }: Destination): DeliveryRecord {
  return { host, cell, state: 'pending', attempts: 0, lastError: null, ...NO_TIMES, receipt: null }
}

function renderDelivery(delivery: DeliveryRecord): WireEvent['deliveries'][number] {
  return {
    host: delivery.host,
    cell: delivery.cell,
    state: delivery.state,
    attempts: delivery.attempts,
    last_error: delivery.lastError,
    last_error_at: renderTimeOrNull(delivery.lastErrorAtUs),
    dispatched_at: renderTimeOrNull(delivery.dispatchedAtUs),
    acknowledged_at: renderTimeOrNull(delivery.acknowledgedAtUs),
    ended_at: renderTimeOrNull(delivery.endedAtUs),
    receipt: delivery.receipt && renderReceipt(delivery.receipt),
  }
}
