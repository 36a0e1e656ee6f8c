import type { EventId, HostName } from '../../events/event.ts'
import type { Acknowledgement, Receipts } from '../../journal/journal.ts'
import type { Agents, Caster } from '../cast.ts'

/**
 * Where a host's stream is written: an open HTTP response, seen from here. Whoever makes one has sent the head
 * (`content-type: text/event-stream`, `cache-control: no-store`) before `follow`.
 */
export interface StreamSink {
  /** Writes at once. False: its buffer is full, and nothing more is written before `onDrain`. Must not throw, even after its end. */
  write(text: string): boolean
  /** Calls back each time the buffer is empty again after a `write` that was answered false. */
  onDrain(listener: () => void): void
  /** Calls back once, when the connection is gone, whoever ended it. At once where it is gone already. */
  onClose(listener: () => void): void
  /** Ends the stream after what was written; a reader that does not take the rest is cut off soon. Repeats are harmless. */
  end(): void
}

/** How a client follows a host. */
export interface Follower {
  /** The `Last-Event-ID` header, as it came; null where there is none. What is no event's id is passed over. */
  readonly lastEventId: string | null
  readonly sink: StreamSink
}

/**
 * The streams of host agents: `GET /novacast/v1/hosts/{host}/events` and `POST …/acks`, without HTTP.
 *
 * A stream is `retry: 1000`, then a message per delivery (`id`, `event: external-event`, `data`), comments as heartbeats, and
 * `event: replaced` as its last when another client follows the same host. All of it is written here.
 */
export interface StreamCaster extends Caster {
  readonly isFinal: false
  readonly agents: Agents
  /**
   * Hands the host's deliveries to this sink from now on, until it closes; one that followed the host before is told that it is
   * replaced, and ended. Never throws. After `close` the sink is ended at once.
   */
  follow(host: HostName, follower: Follower): void
  /**
   * The host has dealt with these deliveries, and of some says what came of it: durable when resolved, then their room on the stream
   * is free. Repeats are harmless. Rejects with `JournalUnavailable`, and then they will be sent again.
   */
  acknowledge(host: HostName, ids: readonly EventId[], receipts?: Receipts): Promise<Acknowledgement>
  /** Whether a client follows this host now. */
  isConnected(host: HostName): boolean
  /** How many hosts are followed. */
  readonly connected: number
}
