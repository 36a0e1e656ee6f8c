import type { CallContext } from '../cast/cast.ts'
import type { ServerId, Whereabouts } from '../events/event.ts'
import type { PassedOn, Searches, Submission } from '../journal/journal.ts'

/** A submission that has just been committed, with what only this process' memory knows of it. */
export interface Accepted {
  readonly submission: Submission
  /** Null for a replay: nobody's token travels with it. */
  readonly context: CallContext | null
  readonly whereabouts: ReadonlyMap<ServerId, Whereabouts>
  /** What was looked for when it was committed. */
  readonly searches: Searches
  /** Deliveries that are not to be made out of hand, as the journal said. */
  readonly passedOn: readonly PassedOn[]
}

/** What a submission needs to know before it is committed. */
export interface Forethought {
  /** Whether an event may be parked: not where too many are already. */
  readonly hasRoomToPark: boolean
  /** What the journal is to look for. */
  searches(submission: Submission): Searches
}

/** Answers one question: is it there yet? Takes what is committed to its hosts, in order for each server, until it ends. */
export interface Deliveries extends Forethought {
  /** Tells of a submission that is committed: its deliveries start at once. Never throws. */
  accepted(accepted: Accepted): void
  /** Finds what earlier lives left behind, and begins. */
  start(): Promise<void>
  /** Lets casts under way end and stops. What is left waits in the journal. */
  close(): Promise<void>
}
