import type { CellId, EventId, HostName, ServerId } from '../events/event.ts'
import type { Caller } from '../identity/identity.ts'
import type { Delivery } from '../journal/journal.ts'
import type { Instance } from '../nova/instance.ts'

/** What a request's token said, for the context that travels with a cast. In memory only: tokens are never written to disk. */
export interface CallContext {
  readonly caller: Caller
  readonly token: string | null
  /** Whether the rule `context_is_admin` holds for the caller. */
  readonly isAdmin: boolean
  /** The peer's address. */
  readonly remoteAddress: string | null
}

/**
 * What one host is to get at once: deliveries of one request, in the order in which they were accepted. A message of its own, or part of one
 * (docs/decisions/0007-what-shares-a-cast.md).
 */
export interface Cast {
  readonly host: HostName
  readonly cell: CellId | null
  readonly deliveries: readonly [Delivery, ...Delivery[]]
  /** Null when the cast is made from the journal, after a restart or a retry. */
  readonly context: CallContext | null
  /** The servers of these deliveries, where Nova has them. */
  readonly instances: ReadonlyMap<ServerId, Instance>
}

/**
 * What became of a cast.
 *
 * - `taken`: the host has it, or its queue at the broker does; what this ends depends on the caster's `isFinal`;
 * - `away`: nothing can reach this host now (broker unreachable, agent not connected): nothing left, try all of it again;
 * - `returned`: the broker has no queue for this host: try again later, other hosts are not concerned;
 * - `unready`: none of it left, for want of something that only its servers need: try again later, other casts are not concerned;
 * - `refused`: none of it left, for its own sake: it may be tried again a few times, and other casts are not concerned;
 * - `failed`: these deliveries can never be made; the others of the cast were taken.
 */
export type CastResult =
  | { readonly kind: 'taken' }
  | { readonly kind: 'away'; readonly reason: string }
  | { readonly kind: 'returned'; readonly reason: string }
  | { readonly kind: 'unready'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failed: readonly { readonly delivery: Delivery; readonly reason: string }[] }

/** What a caster tells of agents on hosts, whose acknowledgements it hears. */
export interface AgentWatcher {
  /** The host can be cast to from now on. Its deliveries up to `lastSeen` in the journal's order reached it before (null: unknown). */
  connected(host: HostName, lastSeen: EventId | null): void
  /** Nothing can be cast to the host any more; what was taken and not acknowledged may not have reached it. */
  lost(host: HostName): void
  /** The journal has ended these deliveries. */
  acknowledged(host: HostName, ids: readonly EventId[]): void
}

/** Which hosts have an agent that follows, for casters that are not final. */
export interface Agents {
  isConnected(host: HostName): boolean
  /** Tells of all that happens from now on. */
  watch(watcher: AgentWatcher): void
}

/** Answers one question: how does it travel? Two implementations: `stream/` (host agents) and `rabbitmq/` (nova-compute). */
export interface Caster {
  /** Whether `taken` is the end of it, because the host cannot acknowledge. */
  readonly isFinal: boolean
  /** There exactly where `isFinal` is false: hosts that are not connected are then not tried before they are. */
  readonly agents?: Agents
  /** Hands a host its events. What is about one server leaves in the order of the calls. Never rejects. */
  cast(cast: Cast): Promise<CastResult>
  /** Told when hosts may be reachable again, so that their deliveries are tried at once: null for every host. */
  onReachable(listener: (host: HostName | null) => void): void
  /** Flushes and releases sockets and timers. */
  close(): Promise<void>
}
