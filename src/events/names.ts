/**
 * Every external event that Nova knows: one row each, in Nova's own order.
 * Order and microversions: nova/api/openstack/compute/schemas/server_external_events.py; order of the enum:
 * nova/objects/external_event.py EVENT_NAMES. Tag rule: nova/api/openstack/compute/server_external_events.py.
 */
export const EVENT_NAMES = [
  { name: 'network-changed', since: 1, needsTag: false, awaited: false, merges: true, ttlSeconds: 86_400 },
  { name: 'network-vif-plugged', since: 1, needsTag: false, awaited: true, merges: false, ttlSeconds: 300 },
  { name: 'network-vif-unplugged', since: 1, needsTag: false, awaited: true, merges: false, ttlSeconds: 300 },
  { name: 'network-vif-deleted', since: 1, needsTag: false, awaited: false, merges: false, ttlSeconds: 86_400 },
  { name: 'volume-extended', since: 51, needsTag: true, awaited: false, merges: false, ttlSeconds: 86_400 },
  { name: 'power-update', since: 76, needsTag: true, awaited: false, merges: false, ttlSeconds: 60 },
  { name: 'accelerator-request-bound', since: 82, needsTag: true, awaited: true, merges: false, ttlSeconds: 300 },
  { name: 'volume-reimaged', since: 93, needsTag: false, awaited: true, merges: false, ttlSeconds: 300 },
] as const satisfies readonly EventNameRow[]

/** What the table above says of one name. */
interface EventNameRow {
  readonly name: string
  /** The minor number of the first 2.x microversion whose schema has the name. */
  readonly since: number
  /** Without a tag the event is answered 400 (per event, not per request). */
  readonly needsTag: boolean
  /** Something on the host waits for it: it is never queued behind those that nobody waits for. */
  readonly awaited: boolean
  /** It says only that something is to be looked at: of two for a server and tag that wait, the newer one stands for both. */
  readonly merges: boolean
  /** How long a delivery is worth making, unless `[novacast] event_ttl` says otherwise. Why these numbers: docs/decisions/0005-time-to-live.md. */
  readonly ttlSeconds: number
}

/** The name of an external event. */
export type EventName = (typeof EVENT_NAMES)[number]['name']

/** The statuses a sender may give, in the order of Nova's schema. */
export const EVENT_STATUSES = ['failed', 'completed', 'in-progress'] as const

/** The status a sender gives an event; `completed` where it gives none. */
export type EventStatus = (typeof EVENT_STATUSES)[number]

const rowsByName: ReadonlyMap<string, EventNameRow> = new Map(EVENT_NAMES.map((row) => [row.name, row]))

/** The row of a name. Total: every `EventName` has one. */
export function eventNameRow(name: EventName): EventNameRow {
  const row = rowsByName.get(name)
  if (row === undefined) throw new TypeError(`not an event name: ${name}`)
  return row
}

/** Whether Nova answers an event of this name 400 when it has no tag. */
export function needsTag(name: EventName): boolean {
  return eventNameRow(name).needsTag
}

/** Whether something on the host waits for events of this name. */
export function isAwaited(name: EventName): boolean {
  return eventNameRow(name).awaited
}

/** Whether of two events of this name, for one server and tag, the newer stands for both as long as neither has left. */
export function merges(name: EventName): boolean {
  return eventNameRow(name).merges
}

/** The names that merge. */
export const MERGING_NAMES: readonly EventName[] = EVENT_NAMES.filter((row) => row.merges).map(({ name }) => name)
