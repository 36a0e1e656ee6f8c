import type { Outcome } from '../../events/event.ts'
import type { EventName } from '../../events/names.ts'
import type { LateLocation, Retained } from '../journal.ts'
import type { RepeatKey } from '../repeats.ts'
import type { StepName } from '../states.ts'

/**
 * What the threads of the journal say to each other: arrays in JSON texts.
 *
 * Measured for events in POSTs of 100, microseconds an event to write and to read: arrays in JSON 0.34 + 0.46; the same as objects
 * 0.58 + 1.83; structured clones of the objects 2.33 together.
 */

export type WireDestination = readonly [host: string, cell: string | null]

/** id, server, name, status, tag, code, destinations, and for a deferred event [cell, reason]. */
export type WireEvent = readonly [
  id: string,
  server: string,
  name: EventName,
  status: string,
  tag: string | null,
  code: number,
  destinations: readonly WireDestination[],
  deferred: readonly [cell: string, reason: string] | null,
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
]

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
  readonly commit: { readonly body: WireSubmission; readonly answer: null }
  readonly commitOnce: { readonly body: WireOnce; readonly answer: WireCommittedOnce }
  readonly record: { readonly body: readonly WireStep[]; readonly answer: readonly StepFate[] }
  readonly locate: { readonly body: readonly WireLocation[]; readonly answer: null }
  readonly touch: { readonly body: readonly (readonly [host: string, atUs: number])[]; readonly answer: null }
  readonly retain: { readonly body: readonly [beforeUs: number, from: number]; readonly answer: Retained }
  /** Writes what changes nothing, to see whether anything can be written. */
  readonly probe: { readonly body: null; readonly answer: null }
  readonly put: { readonly body: WireServer; readonly answer: 'created' | 'replaced' }
  readonly remove: { readonly body: string; readonly answer: boolean }
  readonly import: { readonly body: readonly WireServer[]; readonly answer: null }
}

/** The writer's work, one case a kind. */
export type WriterWork = { [Kind in keyof WriterCalls]: { kind: Kind; body: WriterCalls[Kind]['body'] } }[keyof WriterCalls]

/** A call on its way to a thread; the body is JSON. */
export type WireCall = readonly [ticket: number, kind: string, weight: number, body: string]

/** An answer on its way back; a text in third place says why there is none. */
export type WireReply = readonly [ticket: number, answer: unknown, fault?: string]

/** What a thread says when it has come up, or why it cannot. */
export type Greeting = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly message: string }
