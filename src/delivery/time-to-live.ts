import type { ExternalEvent } from '../events/event.ts'
import { type EventName, eventNameRow } from '../events/names.ts'

/** What the time to live of an event rests on. */
export interface Dated {
  readonly event: ExternalEvent
  /** Microseconds since the epoch. */
  readonly receivedAtUs: number
}

/** Says how long deliveries are worth making. */
export interface TimeToLive {
  /** When a delivery is not worth making any more, in milliseconds since the epoch. */
  expiresAtMs(dated: Dated): number
  /** What is kept of a delivery whose time is over. */
  expiryReason(dated: Dated): string
}

/** By the table of names, and what the operator says instead: seconds by name. */
export function createTimeToLive(ttlSeconds: Readonly<Partial<Record<EventName, number>>> = {}): TimeToLive {
  const secondsOf = ({ event: { name } }: Dated) => ttlSeconds[name] ?? eventNameRow(name).ttlSeconds
  return {
    expiresAtMs: (dated) => dated.receivedAtUs / 1000 + secondsOf(dated) * 1000,
    expiryReason: (dated) => `its time to live of ${secondsOf(dated)} s was over`,
  }
}
