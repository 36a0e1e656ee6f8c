import type { Outcome } from '../../events/event.ts'
import type { EventName } from '../../events/names.ts'
import type { EndedByMove, LateLocation, Placement, Retained } from '../journal.ts'
import type { RepeatKey } from '../repeats.ts'
import type { StepName } from '../states.ts'

/**
 * What the threads of the journal say to each other: arrays in JSON texts.
 *
 * Measured for events in POSTs of 100, microseconds an event to write and to read: arrays in JSON 0.34 + 0.46; the same as objects
 * 0.58 + 1.83; structured clones of the objects 2.33 together.
 */

export type WireDestination = readonly [host: string, cell: string | null]

/**
 * id, server, name, status, tag, code, destinations, for an event that waits for a host [cell, reason, until when it is kept], and for a
 * replay what of and its run.
 */
export type WireEvent = readonly [
  id: string,
  server: string,
  name: EventName,
  status: string,
  tag: string | null,
  code: number,
  destinations: readonly WireDestination[],
  deferred: readonly [cell: string | null, reason: string, keepUntilUs: number | null] | null,
  ...replay: [] | [readonly [of: string, run: string]],
]

export type WireSubmission = readonly [
  receivedAtUs: number,
  requestId: string,
  globalRequestId: string | null,
  userId: string | null,
  userName: string | null,
  projectId: string | null,
  microversion: string,
  events: readonly WireEvent[],
  /** As in `Searches`. */
  strays: readonly string[],
  urgent: readonly string[],
]

/** A submission that may be a repeat. */
export type WireOnce = readonly [digest: RepeatKey['digest'], content: RepeatKey['content'], submission: WireSubmission]

export type WireCommittedOnce =
  | readonly [kind: 'kept']
  | readonly [kind: 'repeat', requestId: string, codes: readonly Outcome['code'][]]
  | readonly [kind: 'taken', requestId: string]

export type WireStep = readonly [
  kind: StepName,
  host: string,
  eventId: string,
  atUs: number,
  reason: string | null,
  /** Where `moved` goes; null for all others. */
  to: readonly WireDestination[] | null,
]

export type WireLocation = readonly [
  kind: LateLocation['kind'],
  eventId: string,
  atUs: number,
  /** Null where it is located. */
  reason: string | null,
  destinations: readonly WireDestination[],
  /** Of what is parked; null for all others. */
  keepUntilUs: number | null,
]

/** Where a server is now: on which hosts where it is located. */
export type WirePlace = readonly [kind: Placement['kind'], destinations: readonly WireDestination[]]

export type WirePlacement = readonly [server: string, place: WirePlace, atUs: number]

/** What followed its server, and what of a commit is behind others; null where there is nothing of it, which is nearly always. */
export type WireFollowed = {
  readonly behind: readonly (readonly [host: string, eventId: string])[]
  readonly hosts: readonly string[]
  readonly ended: readonly (readonly [kind: EndedByMove['kind'], host: string, eventId: string, atUs: number])[]
} | null

/** What became of a step: `refused` where it does not apply to what the delivery is. */
export type StepFate = 'applied' | 'refused' | 'unknown'

export type WireServer = readonly [
  uuid: string,
  host: string | null,
  movingTo: string | null,
  projectId: string | null,
  name: string | null,
  updatedAtUs: number,
]

/** What the writer does, and what it answers. */
export interface WriterCalls {
  readonly commit: { readonly body: WireSubmission; readonly answer: WireFollowed }
  readonly commitOnce: { readonly body: WireOnce; readonly answer: readonly [WireCommittedOnce, WireFollowed] }
  readonly commitAll: { readonly body: readonly WireSubmission[]; readonly answer: WireFollowed }
  readonly record: { readonly body: readonly WireStep[]; readonly answer: readonly [readonly StepFate[], WireFollowed] }
  readonly locate: {
    readonly body: { readonly locations: readonly WireLocation[]; readonly strays: readonly string[] }
    readonly answer: WireFollowed
  }
  readonly follow: { readonly body: readonly WirePlacement[]; readonly answer: WireFollowed }
  readonly expireParked: { readonly body: number; readonly answer: number | null }
  readonly touch: { readonly body: readonly (readonly [host: string, atUs: number])[]; readonly answer: null }
  readonly retain: { readonly body: readonly [beforeUs: number, from: number]; readonly answer: Retained }
  /** Writes what changes nothing, to see whether anything can be written. */
  readonly probe: { readonly body: null; readonly answer: null }
  readonly put: { readonly body: WireServer; readonly answer: readonly ['created' | 'replaced', WireFollowed] }
  readonly remove: { readonly body: readonly [server: string, atUs: number]; readonly answer: readonly [boolean, WireFollowed] }
  readonly import: { readonly body: readonly WireServer[]; readonly answer: WireFollowed }
}

/** The writer's work, one case a kind. */
export type WriterWork = { [Kind in keyof WriterCalls]: { kind: Kind; body: WriterCalls[Kind]['body'] } }[keyof WriterCalls]

/** A call on its way to a thread; the body is JSON. */
export type WireCall = readonly [ticket: number, kind: string, weight: number, body: string]

/** An answer on its way back; a text in third place says why there is none. */
export type WireReply = readonly [ticket: number, answer: unknown, fault?: string]

/** What a thread says when it has come up, or why it cannot. */
export type Greeting = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly message: string }
