import type { EventName, EventStatus } from '../events/names.ts'
import { field, flag, list, nullable, number, record, type Shape, text } from './shape.ts'

/*
 * What travels between novacast and its clients. Names are those of the wire, so that these types, the API's documents and what
 * curl shows read the same. Times are ISO 8601 with microseconds.
 */

/** An external event to send. */
export interface NewEvent {
  readonly name: EventName | (string & Record<never, never>)
  readonly server_uuid: string
  /** `completed` where absent. */
  readonly status?: EventStatus | (string & Record<never, never>)
  readonly tag?: string
}

/** What the sender is told of one event. `code`: 200 accepted, 400 tag missing, 404 unknown server, 422 no host. */
export interface EventOutcome {
  readonly name: string
  readonly server_uuid: string
  readonly status: string
  readonly tag: string | null
  readonly code: number
}

/** One event to one host. Its id stays the same when it is sent again: drop what you have dealt with. */
export interface Delivery {
  readonly id: string
  readonly server_uuid: string
  readonly name: string
  readonly status: string
  readonly tag: string | null
  readonly request_id: string
  readonly global_request_id: string | null
  readonly accepted_at: string
  /** From 1. Above that it is a repeat, or may be one: novacast was killed, and nobody knows whether it had been sent. */
  readonly attempt: number
}

/** What to register of a server. What is absent is null. */
export interface ServerFields {
  /** Where it runs; null: nowhere. */
  readonly host?: string | null
  /** Where it moves to; both hosts get its events meanwhile. */
  readonly moving_to?: string | null
  readonly project_id?: string | null
  readonly name?: string | null
}

/** A server as the registry holds it. */
export interface RegisteredServer {
  readonly uuid: string
  readonly host: string | null
  readonly moving_to: string | null
  readonly project_id: string | null
  readonly name: string | null
  readonly updated_at: string
}

/** How a host stands. */
export interface HostState {
  readonly host: string
  /** Deliveries that wait for it. */
  readonly pending: number
  /** Deliveries that it has and did not acknowledge yet. */
  readonly dispatched: number
  readonly connected: boolean
  readonly last_seen: string | null
}

/** What a host says became of an event there. */
export type Receipt =
  | { readonly id: string; readonly result: 'applied' }
  /** `reason`: 1 to 1000 characters. */
  | { readonly id: string; readonly result: 'failed'; readonly reason: string }

/** What a host said became of an event: `applied`, or `failed` with the reason. */
export interface GivenReceipt {
  readonly result: string
  readonly reason: string | null
}

/** What became of an acknowledgement. */
export interface Acknowledged {
  /** Deliveries that it ended, whatever was said of them. */
  readonly acknowledged: number
  /** Ids of which no delivery to this host is known. */
  readonly unknown: readonly string[]
}

/** What became of one delivery of an event. */
export interface DeliveryRecord {
  readonly host: string
  readonly cell: string | null
  readonly state: string
  readonly attempts: number
  readonly last_error: string | null
  readonly last_error_at: string | null
  readonly dispatched_at: string | null
  /** When the host said what became of it. */
  readonly acknowledged_at: string | null
  /** When it ended, however it did; null while it is still to be made. */
  readonly ended_at: string | null
  /** Null where the host said no more than that it has dealt with it, or nothing yet. */
  readonly receipt: GivenReceipt | null
}

/** How an event stands that could not be given a host when it came. */
export interface Deferral {
  /** The cell that could not be asked; null where the server was on no host. */
  readonly cell: string | null
  /** Why it has to wait, or had to; where it never got a delivery, why not. */
  readonly reason: string
  /** `waiting` (its server cannot be located), `parked` (its server is on no host), `located`, `refused`, `expired`. */
  readonly state: string
}

/** An accepted or refused event with its whole story. */
export interface EventRecord {
  readonly id: string
  readonly received_at: string
  readonly request_id: string
  readonly global_request_id: string | null
  readonly sender: { readonly user_id: string | null; readonly user_name: string | null; readonly project_id: string | null }
  readonly microversion: string
  readonly server_uuid: string
  readonly name: string
  readonly status: string
  readonly tag: string | null
  readonly code: number
  /** How often its request came again: it was answered as the first time, and delivered once. */
  readonly repeats: number
  /** When it came last; null where it came once. */
  readonly last_repeat_at: string | null
  /** Null where its server was located at once, and where it was refused for good. */
  readonly deferral: Deferral | null
  readonly deliveries: readonly DeliveryRecord[]
  /** The event that this one delivers again; null where it is no replay. */
  readonly replay_of: string | null
  /** The replays of this one. Those of one run can be searched for by it, as `request_id`. */
  readonly replays: readonly Replay[]
}

/** A replay of an event: an event of its own. */
export interface Replay {
  readonly id: string
  readonly run: string
  readonly at: string
}

/** What became, or in a dry run would become, of an event that was to be delivered again. */
export interface ReplayedEvent {
  readonly id: string
  readonly received_at: string
  readonly server_uuid: string
  readonly name: string
  readonly tag: string | null
  /** `replayed` or `left_out`. */
  readonly result: string
  /** Its replay; null where there is none, and in a dry run. */
  readonly replay: string | null
  /** Where the replay goes; none where that is to be found out later. */
  readonly hosts: readonly string[]
  /** Why it was left out. */
  readonly reason: string | null
}

/** What became of a page of events, and what to ask for the next one with. */
export interface ReplayPage {
  readonly run: string
  readonly events: readonly ReplayedEvent[]
  readonly next: string | null
}

/** What to look for; every field given must hold. Times are ISO 8601. */
export interface EventFilter {
  readonly server?: string | undefined
  readonly host?: string | undefined
  readonly name?: string | undefined
  readonly tag?: string | undefined
  /** The service's id or the sender's. */
  readonly request_id?: string | undefined
  readonly code?: number | undefined
  /** `pending`, `dispatched`, `acknowledged`, … */
  readonly state?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly order?: 'newest' | 'oldest' | undefined
}

/**
 * Steps that a delivery takes. `returned`: it waits again, the host went away; `rejected`: the same, for its own sake; `superseded`: a
 * newer event stands for it; `moved`: the server is elsewhere now, this host does not get the event any more.
 */
const STEPS = ['dispatched', 'acknowledged', 'returned', 'rejected', 'expired', 'failed', 'superseded', 'moved'] as const
type Step = (typeof STEPS)[number]

/** One thing that happened just now. `dropped`: this reader was too slow, so many happenings were left out. */
export type Happening =
  | { readonly kind: 'accepted'; readonly event: EventRecord }
  | {
      readonly kind: Step
      readonly id: string
      readonly host: string
      readonly at: string
      /** Of `acknowledged` and `failed`, where the host gave one. */
      readonly receipt: GivenReceipt | null
    }
  | { readonly kind: 'dropped'; readonly count: number }

/** A page of a list, and what to ask for the next one with (null: this was the last). */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export const eventOutcome = record<EventOutcome>({
  name: text,
  server_uuid: text,
  status: text,
  tag: nullable(text),
  code: number,
})

export const delivery = record<Delivery>({
  id: text,
  server_uuid: text,
  name: text,
  status: text,
  tag: nullable(text),
  request_id: text,
  global_request_id: nullable(text),
  accepted_at: text,
  attempt: number,
})

export const registeredServer = record<RegisteredServer>({
  uuid: text,
  host: nullable(text),
  moving_to: nullable(text),
  project_id: nullable(text),
  name: nullable(text),
  updated_at: text,
})

export const hostState = record<HostState>({
  host: text,
  pending: number,
  dispatched: number,
  connected: flag,
  last_seen: nullable(text),
})

export const acknowledged = record<Acknowledged>({ acknowledged: number, unknown: list(text) })

const givenReceipt = record<GivenReceipt>({ result: text, reason: nullable(text) })

const deliveryRecord = record<DeliveryRecord>({
  host: text,
  cell: nullable(text),
  state: text,
  attempts: number,
  last_error: nullable(text),
  last_error_at: nullable(text),
  dispatched_at: nullable(text),
  acknowledged_at: nullable(text),
  ended_at: nullable(text),
  receipt: nullable(givenReceipt),
})

export const eventRecord = record<EventRecord>({
  id: text,
  received_at: text,
  request_id: text,
  global_request_id: nullable(text),
  sender: record<EventRecord['sender']>({ user_id: nullable(text), user_name: nullable(text), project_id: nullable(text) }),
  microversion: text,
  server_uuid: text,
  name: text,
  status: text,
  tag: nullable(text),
  code: number,
  repeats: number,
  last_repeat_at: nullable(text),
  deferral: nullable(record<Deferral>({ cell: nullable(text), reason: text, state: text })),
  deliveries: list(deliveryRecord),
  replay_of: nullable(text),
  replays: list(record<Replay>({ id: text, run: text, at: text })),
})

export const replayedEvent = record<ReplayedEvent>({
  id: text,
  received_at: text,
  server_uuid: text,
  name: text,
  tag: nullable(text),
  result: text,
  replay: nullable(text),
  hosts: list(text),
  reason: nullable(text),
})

export const replayPage = record<ReplayPage>({ run: text, events: list(replayedEvent), next: nullable(text) })

const step = record<{ id: string; host: string; at: string; receipt: GivenReceipt | null }>({
  ...{ id: text, host: text, at: text },
  receipt: nullable(givenReceipt),
})
const dropped = record<{ count: number }>({ count: number })

/** A happening from the live stream; null for a kind that this version does not know. */
export function happening(kind: string, data: unknown): Happening | null {
  if (kind === 'accepted') return { kind, event: eventRecord(data, kind) }
  if (kind === 'dropped') return { kind, ...dropped(data, kind) }
  const known = STEPS.find((each) => each === kind)
  return known === undefined ? null : { kind: known, ...step(data, kind) }
}

/** A page whose items stand under `name`. */
export function page<T>(name: string, item: Shape<T>): Shape<Page<T>> {
  const items = field(name, list(item))
  const next = field('next', nullable(text))
  return (value, at) => ({ items: items(value, at), next: next(value, at) })
}
