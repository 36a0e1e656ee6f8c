import type { ExternalEvent } from '../events/event.ts'
import { eventNameRow } from '../events/names.ts'

/** What the time to live of an event rests on. */
export interface Dated {
  readonly event: ExternalEvent
  /** Microseconds since the epoch. */
  readonly receivedAtUs: number
}

/** When a delivery is not worth making any more, in milliseconds since the epoch. */
export function expiresAtMs({ event, receivedAtUs }: Dated): number {
  return receivedAtUs / 1000 + eventNameRow(event.name).ttlSeconds * 1000
}

/** What is kept of a delivery whose time is over. */
export function expiryReason({ event }: Dated): string {
  return `its time to live of ${eventNameRow(event.name).ttlSeconds} s was over`
}
