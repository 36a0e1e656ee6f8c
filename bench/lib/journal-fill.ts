import type { EventId, HostName, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, DeliveryStep, Journal, Submission } from '../../src/journal/journal.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'

export const HOSTS = 1000
const BATCH = 100
const IN_FLIGHT = 32

export const random = (below: number) => Math.floor(Math.random() * below)
export const serverId = (n: number) =>
  `00000000-0000-4000-8000-${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(12, '0')}` as ServerId
export const hostOf = (n: number) => `compute-${n % HOSTS}` as HostName

/** A POST of `size` events for random servers among so many, each on its host. */
export function submission(size: number, servers: number, receivedAtUs = Date.now() * 1000): Submission {
  const event = (): DecidedEvent => {
    const server = random(servers)
    return {
      id: uuidv7() as EventId,
      event: { serverId: serverId(server), name: 'network-vif-plugged', status: 'completed', tag: crypto.randomUUID() },
      outcome: { kind: 'accepted', code: 200, destinations: [{ host: hostOf(server), cell: null }] },
    }
  }
  return {
    receivedAtUs,
    requestId: `req-${crypto.randomUUID()}`,
    globalRequestId: `req-${crypto.randomUUID()}`,
    sender: { userId: 'neutron', userName: 'neutron', projectId: 'service' },
    microversion: '2.93',
    events: Array.from({ length: size }, event),
  }
}

/** What follows a commit in life: every delivery is dispatched, and the host will not say more. */
export function ended({ events }: Submission): DeliveryStep[] {
  const atUs = Date.now() * 1000
  return events.flatMap(({ id, outcome }) =>
    outcome.kind !== 'accepted'
      ? []
      : outcome.destinations.map(({ host }) => ({ kind: 'dispatched' as const, isEnd: true, host, eventId: id, atUs })),
  )
}

/** So many events, all ended, for so many servers, received evenly over the last days. */
export interface Filling {
  readonly events: number
  readonly servers: number
  readonly days: number
}

/** Fills a journal. */
export async function fill(journal: Journal, { events, servers, days }: Filling): Promise<void> {
  const startUs = (Date.now() - days * 86_400_000) * 1000
  const stepUs = (days * 86_400_000_000) / events
  let next = 0
  let told = 0
  const one = async () => {
    while (next < events) {
      const made = submission(Math.min(BATCH, events - next), servers, Math.round(startUs + next * stepUs))
      next += BATCH
      await journal.commit(made)
      await journal.record(ended(made))
      if (next - told >= 1_000_000) {
        told = next
        console.error(`  ${(next / 1e6).toFixed(0)} million`)
      }
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
}
