import type { Instance } from '../nova/instance.ts'
import type { EventName, EventStatus } from './names.ts'

declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A server's uuid exactly as the sender wrote it: Nova's match with its rows is case-sensitive, and so is ours. */
export type ServerId = Branded<string, 'ServerId'>
/** A host's name, verbatim (dots and case count). */
export type HostName = Branded<string, 'HostName'>
/** A cell's uuid; null in standalone life, where there are no cells. */
export type CellId = Branded<string, 'CellId'>
/** An accepted event's id: UUIDv7, so that ids sort in the order of acceptance. */
export type EventId = Branded<string, 'EventId'>

/** What a sender tells of a server. */
export interface ExternalEvent {
  readonly serverId: ServerId
  readonly name: EventName
  readonly status: EventStatus
  /** What of the server it is about: a port, a volume, a power state. Empty is not absent (Nova lets '' pass). */
  readonly tag: string | null
}

/** A host to deliver to, and the cell whose broker reaches it. */
export interface Destination {
  readonly host: HostName
  readonly cell: CellId | null
}

/** Where a server is, as far as can be told now. */
export type Whereabouts =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unassigned' }
  /** One host; two while the server moves (source first). */
  | {
      readonly kind: 'located'
      readonly destinations: readonly [Destination, ...Destination[]]
      /** The server as Nova's database has it, for casts to nova-compute; null where there is no Nova. */
      readonly instance: Instance | null
    }
  /** Its cell's database cannot be asked now. */
  | { readonly kind: 'unlocated'; readonly cell: CellId; readonly reason: string }

/** What the sender is told of one event, and what is to be done with it. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly code: 200; readonly destinations: readonly Destination[] }
  /** Accepted, to be located when the cell's database is back. */
  | { readonly kind: 'deferred'; readonly code: 200; readonly cell: CellId; readonly reason: string }
  | { readonly kind: 'refused'; readonly code: 400 | 404 | 422 }
  /** Refused because its server is on no host, and kept until then (microseconds since the epoch) in case it gets one. */
  | { readonly kind: 'parked'; readonly code: 422; readonly untilUs: number }
