import type { CellId, EventId, HostName, ServerId } from '../../events/event.ts'
import { DELIVERY_STATES } from '../../journal/states.ts'
import { isCanonicalUuid } from '../../lib/uuid.ts'
import { flag, type Infer, integer, list, nullable, object, oneOf, optional, text, variants } from './schema.ts'

/*
 * What travels between novacast and its clients, in the words of the wire. Times are ISO 8601 with microseconds.
 */

const canonical = { json: { format: 'uuid' }, fits: isCanonicalUuid }

/** A server's uuid where an operator names it: canonical, so that it matches what senders write. */
export const serverUuid = text<ServerId>('a canonical uuid (lower case, with dashes)', canonical)
/** A server's uuid as a sender may have written it. */
export const anyServerUuid = text<ServerId>('the uuid of a server')
export const eventId = text<EventId>('the id of an event (a canonical uuid)', canonical)
export const hostName = text<HostName>('the name of a host (1 to 255 characters)')
const requestId = text('a request id')
const cellId = text<CellId>('the uuid of a cell')
const time = text('a time', { json: { format: 'date-time' } })
const label = text('text of at most 255 characters', { min: 0 })
const count = integer(0)

const ofServer = {
  host: optional(nullable(hostName)),
  moving_to: optional(nullable(hostName)),
  project_id: optional(nullable(label)),
  name: optional(nullable(label)),
}

/** What an operator says of a server. */
export const serverFields = object(ofServer)

/** A line of an import. */
export const serverLine = object({ uuid: serverUuid, ...ofServer })

/** A server as the registry holds it. */
export const registeredServer = object({
  uuid: serverUuid,
  host: nullable(hostName),
  moving_to: nullable(hostName),
  project_id: nullable(label),
  name: nullable(label),
  updated_at: time,
})

/** How a host stands. */
export const hostState = object({ host: hostName, pending: count, dispatched: count, connected: flag, last_seen: nullable(time) })

/** Why a host could not apply an event. */
const reason = text('why it failed (1 to 1000 characters)', { max: 1000 })

/** What a host says became of an event. */
const receipt = variants('result', {
  applied: object({ id: eventId, result: oneOf(['applied']) }),
  failed: object({ id: eventId, result: oneOf(['failed']), reason }),
})

/** What a host has dealt with: of the ids it says no more than that. */
export const acknowledgement = object({ ids: optional(list(eventId, 1, 1000)), receipts: optional(list(receipt, 1, 1000)) })

/** What became of that. */
export const acknowledged = object({ acknowledged: count, unknown: list(eventId) })

/** What a host said became of an event. */
const givenReceipt = object({
  result: oneOf(['applied', 'failed']),
  reason: nullable(text('why', { min: 0, max: Number.MAX_SAFE_INTEGER })),
})

const deliveryRecord = object({
  host: hostName,
  cell: nullable(cellId),
  state: oneOf(DELIVERY_STATES),
  attempts: count,
  last_error: nullable(text('why', { min: 0, max: Number.MAX_SAFE_INTEGER })),
  last_error_at: nullable(time),
  dispatched_at: nullable(time),
  acknowledged_at: nullable(time),
  ended_at: nullable(time),
  receipt: nullable(givenReceipt),
})

/** What all replays of one command bear. */
export const runId = text('the id of a run: req- and a canonical uuid', {
  json: { pattern: '^req-[0-9a-f-]{36}$' },
  fits: (id) => id.startsWith('req-') && isCanonicalUuid(id.slice('req-'.length)),
})

const deferral = object({
  cell: nullable(cellId),
  reason: text('why', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  state: oneOf(['waiting', 'parked', 'located', 'refused', 'expired']),
})

/** An accepted or refused event with its whole story. */
export const eventRecord = object({
  id: eventId,
  received_at: time,
  request_id: requestId,
  global_request_id: nullable(requestId),
  sender: object({ user_id: nullable(label), user_name: nullable(label), project_id: nullable(label) }),
  microversion: text('a microversion'),
  server_uuid: anyServerUuid,
  name: text('the name of an event'),
  status: text('the status of an event'),
  tag: nullable(label),
  code: integer(200, 599),
  repeats: count,
  last_repeat_at: nullable(time),
  deferral: nullable(deferral),
  deliveries: list(deliveryRecord),
  replay_of: nullable(eventId),
  replays: list(object({ id: eventId, run: runId, at: time })),
})

/** What became, or in a dry run would become, of an event that was to be delivered again. */
export const replayedEvent = object({
  id: eventId,
  received_at: time,
  server_uuid: anyServerUuid,
  name: text('the name of an event'),
  tag: nullable(label),
  result: oneOf(['replayed', 'left_out']),
  replay: nullable(eventId),
  hosts: list(hostName),
  reason: nullable(text('why', { min: 0, max: Number.MAX_SAFE_INTEGER })),
})

/** One event to one host, as the host's stream tells it. */
export const delivery = object({
  id: eventId,
  server_uuid: anyServerUuid,
  name: text('the name of an event'),
  status: text('the status of an event'),
  tag: nullable(label),
  request_id: requestId,
  global_request_id: nullable(requestId),
  accepted_at: time,
  attempt: integer(1),
})

/** A step of a delivery, as the live stream tells it; with a receipt where the host gave one. */
export const step = object({ id: eventId, host: hostName, at: time, receipt: optional(givenReceipt) })

/** So many happenings were left out, because their reader was too slow. */
export const dropped = object({ count: integer(1) })

export type WireServerFields = Infer<typeof serverFields>
export type WireServer = Infer<typeof registeredServer>
export type WireHost = Infer<typeof hostState>
export type WireEvent = Infer<typeof eventRecord>
export type WireStep = Infer<typeof step>
export type WireAcknowledgement = Infer<typeof acknowledgement>
export type WireReplayedEvent = Infer<typeof replayedEvent>
export type WireReceipt = Infer<typeof givenReceipt>

/** These have a name of their own in the API's document. */
export const NAMED = {
  Server: registeredServer,
  ServerFields: serverFields,
  ServerLine: serverLine,
  Host: hostState,
  Acknowledgement: acknowledgement,
  Acknowledged: acknowledged,
  Event: eventRecord,
  Receipt: givenReceipt,
  ReplayedEvent: replayedEvent,
  Delivery: delivery,
  Step: step,
  Dropped: dropped,
}
