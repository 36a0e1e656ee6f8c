import type { CellId, Destination, EventId, ExternalEvent, HostName, Outcome, ServerId } from '../events/event.ts'
import type { CommittedOnce, RepeatKey, Repeats } from './repeats.ts'
import type { DeferralState, DeliveryState, StepName } from './states.ts'

/** Who posted, as kept with every event. */
export interface Sender {
  readonly userId: string | null
  readonly userName: string | null
  readonly projectId: string | null
}

/** One event of a submission with what was decided for it. */
export interface DecidedEvent {
  readonly id: EventId
  readonly event: ExternalEvent
  readonly outcome: Outcome
  /** Where it is a replay. */
  readonly replay?: ReplayMark
}

/** What marks an event as a replay of one that had ended. An event is replayed at most once in a run: a second time is rejected. */
export interface ReplayMark {
  readonly of: EventId
  /** `req-UUID`: all that was replayed by one command bears the same. */
  readonly run: string
}

/** A replay that was made of an event: an event of its own. */
export interface Replayed {
  readonly id: EventId
  readonly run: string
  readonly atUs: number
}

/** One POST, decided and ready to be made durable: all of it or nothing. */
export interface Submission {
  /** Microseconds since the epoch. */
  readonly receivedAtUs: number
  /** `req-UUID`, ours. */
  readonly requestId: string
  /** `req-UUID`, the sender's, where it sent one of that form. */
  readonly globalRequestId: string | null
  readonly sender: Sender
  /** `2.1` … `2.N`; `2.0` under /v2. */
  readonly microversion: string
  /** In the order submitted, with ascending ids. */
  readonly events: readonly DecidedEvent[]
}

/** What its events have in common. */
export type SubmissionHead = Omit<Submission, 'events'>

/** A delivery on its way: what a host is handed. */
export interface Delivery {
  readonly eventId: EventId
  readonly host: HostName
  readonly cell: CellId | null
  readonly event: ExternalEvent
  readonly requestId: string
  readonly globalRequestId: string | null
  readonly receivedAtUs: number
  readonly sender: Sender
  /** How often it was dispatched before. */
  readonly attempts: number
  /** How often in vain, for its own sake: refused, or not acknowledged in time. */
  readonly tries: number
}

/** What a host says became of an event there, besides that it has dealt with it. */
export type Receipt = { readonly kind: 'applied' } | { readonly kind: 'failed'; readonly reason: string }

/** What a host says of the events that it says something of. */
export type Receipts = ReadonlyMap<EventId, Receipt>

/** The latest of a delivery that the journal keeps. */
export interface DeliveryRecord {
  readonly host: HostName
  readonly cell: CellId | null
  readonly state: DeliveryState
  readonly attempts: number
  /** Why it is as it is: of the last step that had a reason, and when that was. */
  readonly lastError: string | null
  readonly lastErrorAtUs: number | null
  readonly dispatchedAtUs: number | null
  /** When the host said what became of it; null where it did not. */
  readonly acknowledgedAtUs: number | null
  /** When it ended, however it did; null while it is open. */
  readonly endedAtUs: number | null
  /** Null where the host said no more than that it has dealt with it, or nothing. */
  readonly receipt: Receipt | null
}

/** An event with its whole story. */
export interface EventRecord {
  readonly id: EventId
  readonly receivedAtUs: number
  readonly requestId: string
  readonly globalRequestId: string | null
  readonly sender: Sender
  readonly microversion: string
  readonly event: ExternalEvent
  readonly code: number
  /** How often its request came again. */
  readonly repeats: Repeats
  /** Of an event that could not be given a host when it came, and was kept; null for all others. */
  readonly deferral: Deferral | null
  readonly deliveries: readonly DeliveryRecord[]
  /** What it is a replay of; null where it is none. What it repeats may be gone by now. */
  readonly replay: ReplayMark | null
  /** The replays of it, in their order. */
  readonly replays: readonly Replayed[]
}

/** How an event stands that could not be given a host when it came. */
export interface Deferral {
  /** The cell that could not be asked; null where it was known that the server is on no host. */
  readonly cell: CellId | null
  /** Why it has to wait, or had to; or, where it never got a delivery, why not. */
  readonly reason: string
  /** `waiting`: accepted, its server cannot be located. `parked`: its server is on no host, and it is kept for a while. */
  readonly state: DeferralState
}

/** What to look for; every field given must hold. */
export interface EventQuery {
  readonly serverId?: ServerId
  readonly host?: HostName
  readonly name?: string
  readonly tag?: string
  /** Ours or the sender's. */
  readonly requestId?: string
  readonly code?: number
  /** Some delivery of the event is in this state; with `host`: the delivery to that host. */
  readonly state?: DeliveryState
  readonly sinceUs?: number
  readonly untilUs?: number
  /** Continue behind this event (the last of the page before). */
  readonly after?: EventId
  readonly limit: number
  /** `newest` first unless said. */
  readonly order?: 'newest' | 'oldest'
}

/** How many deliveries of a host stand where. */
export interface HostSummary {
  readonly host: HostName
  readonly pending: number
  readonly dispatched: number
  /** When the stream of the host was last connected or acknowledged; null: never. */
  readonly lastSeenUs: number | null
}

/**
 * A step of a delivery, to be recorded: what it makes of it is in `TRANSITIONS` (states.ts). One that does not apply (the delivery has
 * ended meanwhile) is left out silently.
 */
export type DeliveryStep = {
  readonly host: HostName
  readonly eventId: EventId
  readonly atUs: number
} /** `isEnd`: the host will not say what became of it. */ & (
  | { readonly kind: 'dispatched'; readonly isEnd: boolean }
  /** With a receipt that says `failed` it ends as failed. */
  | { readonly kind: 'acknowledged'; readonly receipt?: Receipt | undefined }
  /** Back to pending, to be tried again: the host or what leads there is away. */
  | { readonly kind: 'returned'; readonly reason: string }
  /** The same, for its own sake: one of its tries is used up. */
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'expired'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  /** This newer event of the same server, name and tag stands for it. Applies only while it waits. */
  | { readonly kind: 'superseded'; readonly by: EventId }
  /**
   * The server is elsewhere now: where this delivery is still open, all that waits for the server follows it there, as by `follow`. What
   * became of it is told by `onFollowed`.
   */
  | { readonly kind: 'moved'; readonly serverId: ServerId; readonly to: readonly [Destination, ...Destination[]] }
)

/** What `lastError` says of a delivery that ended because its server is elsewhere now. */
export function describeMove(to: readonly { readonly host: string }[]): string {
  return `moved to ${to.map(({ host }) => host).join(', ')}`
}

/** The name of a step in `TRANSITIONS`. */
export function nameOf(step: DeliveryStep): StepName {
  switch (step.kind) {
    case 'dispatched':
      return step.isEnd ? 'dispatchedForGood' : 'dispatched'
    case 'acknowledged':
      return step.receipt === undefined ? 'acknowledged' : step.receipt.kind === 'applied' ? 'applied' : 'failedThere'
    default:
      return step.kind
  }
}

/** What `lastError` is to say after a step; null where it stays as it is. */
export function reasonOf(step: DeliveryStep): string | null {
  switch (step.kind) {
    case 'dispatched':
      return null
    case 'moved':
      // Whatever follows the server says it, of all that does.
      return null
    case 'acknowledged':
      return step.receipt?.kind === 'failed' ? step.receipt.reason : null
    case 'superseded':
      return `a newer event says the same: ${step.by}`
    default:
      return step.reason
  }
}

/** An accepted event whose server could not be located yet. */
export interface UnlocatedEvent {
  readonly eventId: EventId
  readonly cell: CellId
  readonly event: ExternalEvent
  readonly requestId: string
  readonly globalRequestId: string | null
  readonly receivedAtUs: number
  readonly sender: Sender
}

/** An event that was answered 422 and is kept for a while, in case its server gets a host. */
export interface ParkedEvent {
  readonly eventId: EventId
  readonly serverId: ServerId
  /** When it is given up, in microseconds since the epoch. */
  readonly untilUs: number
}

/** Where a server is now, for all that waits for it. */
export type Placement = { readonly serverId: ServerId; readonly atUs: number } & (
  | { readonly kind: 'located'; readonly destinations: readonly [Destination, ...Destination[]] }
  | { readonly kind: 'unassigned' }
  | { readonly kind: 'unknown' }
)

/** What became of deliveries whose servers are elsewhere now. */
export interface Followed {
  /** Hosts that have deliveries now which are older than what they may have got: all that is open for them is to be read anew. */
  readonly hosts: readonly HostName[]
  /** Deliveries that have ended: `moved` where others stand for them. */
  readonly ended: readonly EndedByMove[]
}

export interface EndedByMove {
  readonly kind: 'moved' | 'failed'
  readonly host: HostName
  readonly eventId: EventId
  readonly atUs: number
}

/** What is kept of deliveries that end because of where their server is not. */
export const GONE_REASONS = {
  unassigned: 'the server is on no host any more',
  unknown: 'the server is not known any more',
} as const

/** Why an event is parked, and why it is given up. */
export const PARKED_REASON = 'the server is on no host'
export const PARKED_EXPIRED = 'the server got no host in time'
export const PARKED_UNKNOWN = 'unknown server'

/** What became of an unlocated event. */
export type LateLocation = { readonly eventId: EventId; readonly atUs: number } & (
  | { readonly kind: 'located'; readonly destinations: readonly [Destination, ...Destination[]] }
  /** It turned out that it cannot be delivered: the reason is kept in its story. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'expired'; readonly reason: string }
  /** Its server is on no host, and may get one. */
  | { readonly kind: 'parked'; readonly reason: string; readonly untilUs: number }
)

/** What is looked for when a submission is committed, of servers that it has events of. */
export interface Searches {
  /** Something may be open for other hosts than those that their events go to now: it goes there too, and stands in front. */
  readonly strays: ReadonlySet<ServerId>
  /** What is waited for of these is to be made at once though others wait for the host, unless something of the same server does. */
  readonly urgent: ReadonlySet<ServerId>
}

export const NO_SEARCHES: Searches = { strays: new Set(), urgent: new Set() }

/** A delivery that is not to be made out of hand, because an earlier one of the same server and host must not be overtaken. */
export interface PassedOn {
  readonly eventId: EventId
  readonly host: HostName
  /**
   * `elsewhere`: another replica has the earlier one, and makes this one too; or its server has left this host meanwhile. `untold`: this
   * process has it, and was not told of it yet: all that is open for the host is to be read from the start. `behind`: this process has
   * it and was told; only said of servers in `Searches.urgent`.
   */
  readonly kind: 'elsewhere' | 'untold' | 'behind'
}

/** What became of a host's acknowledgements. */
export interface Acknowledgement {
  /** Ids of the deliveries that these ended. */
  readonly ended: readonly EventId[]
  /** Ids of which no delivery to the host is known. Those that had ended before are not among them. */
  readonly unknown: readonly EventId[]
}

/** What a step of retention did. */
export interface Retained {
  /** Events. */
  readonly removed: number
  /** Where the next step begins; null where nothing is left to look at, or where another replica is at it. */
  readonly next: number | null
  /** When the first event that is left was received; null where there is none. */
  readonly oldestUs: number | null
}

/** Awaited events that are open for a host, with what must not be overtaken by them. */
export interface AwaitedPage {
  /** Server by server: its deliveries in the order of their commits, up to the last awaited one. */
  readonly deliveries: readonly Delivery[]
  /** Behind which to go on when all of these have left. */
  readonly cursor: EventId | null
  /** Whether there may be more behind that. */
  readonly isMore: boolean
}

/** A delivery that waits in vain: a newer event of the same server and tag waits behind it. */
export interface Outdated {
  readonly eventId: EventId
  readonly by: EventId
}

/** Answers one question: what was accepted, and what became of it? */
export interface Journal {
  /**
   * Makes a submission durable, in one group commit with the others of the moment. Resolves after the fsync: what is resolved
   * survives any crash. Rejects with `JournalUnavailable`, and then nothing of it was kept; only where a database went in the middle
   * and stayed away it may have been kept, and then `claim` tells of it.
   *
   * What waits to be located for the server of an accepted event goes where that event goes, before it. Of strays and of servers that
   * other replicas may have deliveries of, the same holds for what is open for other hosts.
   *
   * Answers which of the deliveries are not to be made out of hand; nearly always none.
   */
  commit(submission: Submission, searches?: Searches): Promise<readonly PassedOn[]>
  /** The same for several, in this order and all or none; an answer for each. */
  commitAll(submissions: readonly Submission[], searches?: Searches): Promise<readonly (readonly PassedOn[])[]>
  /**
   * `commit`, unless a submission with this key was kept within the repeat window, by any replica and before any crash: then it is a
   * repeat of that. Of two at the same time one is kept. A submission without events is kept by nobody: it asks what there is.
   */
  commitOnce(submission: Submission, key: RepeatKey, searches?: Searches): Promise<CommittedOnce>
  /**
   * The open deliveries (pending or dispatched) of a host behind `after`, in the order of their events' commits. Nothing committed
   * later comes before, so a reader that goes on behind the last it got misses nothing; but what follows its server, `locate` and
   * `claim` add stands where its event stands: who is told by `onFollowed` or `claim` reads again from the start.
   */
  open(host: HostName, after: EventId | null, limit: number): Promise<readonly Delivery[]>
  /**
   * The first open deliveries of awaited events (see `isAwaited`) of a host behind `after`, each with all that is open for the same
   * server and host and was committed before it. Costs what it finds, however much else is open. What its cursor says is good for as
   * long as that of `open`.
   */
  awaited(host: HostName, after: EventId | null, limit: number): Promise<AwaitedPage>
  /**
   * Deliveries that never left, of events that merge (see `merges`), each with the newest such one of the same server, name and tag behind
   * it; so many at most, oldest first. Reads all that is open for the host.
   */
  outdated(host: HostName, limit: number): Promise<readonly Outdated[]>
  /** Records steps, durable when resolved. Returns how many applied. */
  record(steps: readonly DeliveryStep[]): Promise<number>
  /**
   * Hosts with open deliveries that are this process' to make and that it was not told of: all there are at the first call (after
   * a start); later those that another replica, now dead, left behind or passed on. Cheap where there is nothing: called every second.
   */
  claim(): Promise<readonly HostName[]>
  /** Accepted events that still wait to be located, in the order of their commits, behind `after`. Only this process' own. */
  unlocated(after: EventId | null, limit: number): Promise<readonly UnlocatedEvent[]>
  /** Records where unlocated events are to go (as pending deliveries), or why nowhere. Durable when resolved. `strays` as in `Searches`. */
  locate(locations: readonly LateLocation[], strays?: ReadonlySet<ServerId>): Promise<void>
  /** Events that are parked, in the order of their commits, behind `after`. Only this process' own. */
  parked(after: EventId | null, limit: number): Promise<readonly ParkedEvent[]>
  /** Ends parked events of this process whose time is over. Answers when that of the next one is, in microseconds; null: none is left. */
  expireParked(atUs: number): Promise<number | null>
  /**
   * Lets all that waits follow its server, whichever replica has it: open deliveries and events without a host go to where the server
   * is, each once; where it is nowhere, deliveries end as failed, and where it is unknown, parked events as refused.
   */
  follow(placements: readonly Placement[]): Promise<void>
  /** Tells what followed its server, by whatever call, before that call resolves. Not of what another replica is to make. */
  onFollowed(listener: (followed: Followed) => void): void
  /** How often this process may have got events without a host of which it was not told: it took over what another left, or was in doubt. */
  takeovers(): number
  /**
   * Records that a host acknowledged these events, and what it says became of them there; durable when resolved. Repeats are
   * harmless: what was said first stays.
   */
  acknowledge(host: HostName, ids: readonly EventId[], atUs: number, receipts?: Receipts): Promise<Acknowledgement>
  /** A page of events, in the order of their commits or its reverse. */
  search(query: EventQuery): Promise<readonly EventRecord[]>
  /** One event with its story, or null. */
  event(id: EventId): Promise<EventRecord | null>
  /** Hosts with open deliveries or ever seen, by name, behind `after`. */
  hosts(after: HostName | null, limit: number): Promise<readonly HostSummary[]>
  host(host: HostName): Promise<HostSummary | null>
  /** Notes that a host was heard of. Never fails and need not be awaited: it is written with the next commit or soon after. */
  touchHost(host: HostName, atUs: number): void
  /**
   * Removes some of the oldest events that were received before this time: those whose deliveries and deferral have all ended.
   * Begins at `from`: 0 at first, then what the answer before said. A step is small enough to hold up nobody.
   */
  retain(beforeUs: number, from: number): Promise<Retained>
  /**
   * Resolves when it can be read and written now; rejects with `JournalUnavailable` and what is wrong. Costs a read, and a small write only
   * where the last one failed: so trouble that is over is noticed also when nobody sends anything.
   */
  ready(): Promise<void>
  /** Flushes and closes; further calls reject. Closing twice is closing once. */
  close(): Promise<void>
}

/** The journal cannot write or read now (disk full, file gone): the request is answered 503 with Retry-After. */
export class JournalUnavailable extends Error {
  override readonly name = 'JournalUnavailable'
}
