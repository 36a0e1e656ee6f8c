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

/** Events of a burst, and how many others come between the first and the last of them, more or less. */
const BURST = 5
const SPREAD = 500

/**
 * Draws the servers of one event after another: half of the events are of servers with even numbers, each time five that come close
 * together, as when a server boots; the others of servers with odd numbers, each event alone.
 */
export function drawServers(servers: number): () => number {
  const soon: number[] = []
  return () => {
    while (soon.length < SPREAD) {
      const isBurst = random(1 + BURST) === 0
      const server = 2 * random(servers / 2) + (isBurst ? 0 : 1)
      for (let i = 0; i < (isBurst ? BURST : 1); i++) soon.push(server)
    }
    const at = random(soon.length)
    const drawn = soon[at] as number
    soon[at] = soon.at(-1) as number
    soon.pop()
    return drawn
  }
}

/** A POST of `size` events for servers among so many, each on its host; random ones unless they are drawn otherwise. */
export function submission(
  size: number,
  servers: number,
  { receivedAtUs = Date.now() * 1000, draw = () => random(servers) }: { receivedAtUs?: number; draw?: () => number } = {},
): Submission {
  const event = (): DecidedEvent => {
    const server = draw()
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
  const draw = drawServers(servers)
  const one = async () => {
    while (next < events) {
      const made = submission(Math.min(BATCH, events - next), servers, {
        receivedAtUs: Math.round(startUs + next * stepUs),
        draw,
      })
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
