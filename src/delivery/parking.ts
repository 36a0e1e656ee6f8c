import type { EventId, ServerId, Whereabouts } from '../events/event.ts'
import type { Journal, ParkedEvent, Placement } from '../journal/journal.ts'
import type { Log } from '../observe/log.ts'
import type { Servers } from '../servers/servers.ts'
import type { Alarm, Alarms } from './alarms.ts'
import { type Backoff, retryDelayMs } from './backoff.ts'
import { type LastHosts, whileFollowed } from './last-hosts.ts'

/** Keeps events whose server is on no host until it has one or their time is over. */
export interface Parking {
  /** These are parked in the journal now. */
  parked(events: Iterable<Pick<ParkedEvent, 'serverId' | 'untilUs'>>): void
  /** Whether more may be parked: who has to ask for servers asks for so many at most. */
  readonly hasRoom: boolean
  /** Finds what is parked in the journal, after a start and when another replica's have been taken over. */
  reload(): Promise<void>
  /** Resolves when nothing is under way. */
  close(): Promise<void>
}

export interface ParkingParts {
  readonly journal: Pick<Journal, 'parked' | 'expireParked' | 'follow'>
  readonly servers: Servers
  readonly alarms: Alarms
  readonly log: Log
  readonly lastHosts: Pick<LastHosts, 'follows'>
  /** The waits between two questions for a server. */
  readonly pace: Backoff
}

interface Waiting {
  untilUs: number
  failures: number
  /** By the monotonic clock. */
  dueMs: number
}

export const PARK_PACE: Backoff = { firstMs: 250, mostMs: 5000 }
/** The least time between two rounds of questions, and between two looks for what is over. */
const ROUND_MS = 100
const EXPIRE_MS = 1000
/** Servers asked for in one round, and servers that may wait: some 10 MB. */
const MOST_ASKED = 5000
const MOST_WAITING = 50_000
const PAGE = 1000

/**
 * The events are in the journal. Where the journal is told of each move (`Servers.areMovesTold`) they follow their servers by
 * themselves, and there is only their end to see to. Elsewhere their servers are in memory, and are asked for in rounds: all that are
 * due at once, one question a database, each server less often the longer it waits.
 */
export function createParking({ journal, servers, alarms, log, lastHosts, pace }: ParkingParts): Parking {
  const waiting = new Map<ServerId, Waiting>()
  const asks = servers.areMovesTold !== true
  /** Until when what is parked shortest is kept. */
  let firstUntilUs = Number.POSITIVE_INFINITY
  let expiry: Alarm | null = null
  let round: Alarm | null = null
  let isClosed = false
  let isTrouble = false
  /** One piece of work after the other. */
  let work: Promise<boolean> = Promise.resolve(true)

  /** Resolves when it is done; false where it could not be. */
  const run = (piece: () => Promise<void>): Promise<boolean> => {
    work = work.then(async () => {
      try {
        if (!isClosed) await piece()
        isTrouble = false
      } catch (error) {
        if (!isTrouble) log.warn({ err: error }, 'parked events cannot be dealt with now; they are tried again')
        isTrouble = true
      }
      return !isTrouble
    })
    return work
  }

  const armExpiry = (leastMs: number) => {
    expiry?.cancel()
    expiry = null
    if (isClosed || firstUntilUs === Number.POSITIVE_INFINITY) return
    expiry = alarms.after(
      Math.max(firstUntilUs / 1000 - Date.now(), leastMs),
      () => void run(expire).then(() => armExpiry(EXPIRE_MS)),
    )
  }
  const expire = async () => {
    const nowUs = Date.now() * 1000
    const asked = firstUntilUs
    firstUntilUs = Number.POSITIVE_INFINITY
    try {
      firstUntilUs = Math.min(firstUntilUs, (await journal.expireParked(nowUs)) ?? Number.POSITIVE_INFINITY)
    } catch (error) {
      firstUntilUs = asked
      throw error
    }
  }

  const armRound = () => {
    if (round !== null || isClosed || waiting.size === 0) return
    let dueMs = Number.POSITIVE_INFINITY
    for (const each of waiting.values()) dueMs = Math.min(dueMs, each.dueMs)
    round = alarms.after(Math.max(dueMs - performance.now(), ROUND_MS), () => {
      void run(ask).then(() => {
        round = null
        armRound()
      })
    })
  }
  const ask = async () => {
    const due = takeDue()
    if (due.length === 0) return
    const found = await servers.locate(due)
    const placements = due.flatMap((serverId) => placementOf(serverId, found.get(serverId)))
    // They may move on, and get new events there, before what follows them now has left.
    const placed = placements.map(({ serverId }) => serverId)
    await whileFollowed(lastHosts, placed, () => journal.follow(placements))
    for (const serverId of placed) waiting.delete(serverId)
  }
  /** Those whose turn it is; their next one is set. Those that are over are forgotten: the journal ends them. */
  const takeDue = (): readonly ServerId[] => {
    const nowMs = performance.now()
    const nowUs = Date.now() * 1000
    const due: ServerId[] = []
    for (const [id, each] of waiting) {
      if (each.untilUs <= nowUs) waiting.delete(id)
      else if (each.dueMs <= nowMs && due.length < MOST_ASKED) {
        each.dueMs = nowMs + retryDelayMs(pace, ++each.failures)
        due.push(id)
      }
    }
    return due
  }

  const add = ({ serverId, untilUs }: Pick<ParkedEvent, 'serverId' | 'untilUs'>) => {
    firstUntilUs = Math.min(firstUntilUs, untilUs)
    if (!asks) return
    const known = waiting.get(serverId)
    const dueMs = performance.now() + retryDelayMs(pace, 1)
    waiting.set(serverId, {
      untilUs: Math.max(untilUs, known?.untilUs ?? 0),
      failures: 1,
      dueMs: Math.min(dueMs, known?.dueMs ?? dueMs),
    })
  }
  const parked: Parking['parked'] = (events) => {
    const before = firstUntilUs
    for (const event of events) add(event)
    if (firstUntilUs < before) armExpiry(0)
    armRound()
  }
  const load = async () => {
    for (let after: EventId | null = null; ; ) {
      const page: readonly ParkedEvent[] = await journal.parked(after, PAGE)
      parked(page)
      after = page.at(-1)?.eventId ?? null
      if (page.length < PAGE) return
    }
  }
  const reload = async (): Promise<void> => {
    if (!(await run(load)) && !isClosed) alarms.after(EXPIRE_MS, () => void reload())
  }
  return {
    parked,
    get hasRoom() {
      return waiting.size < MOST_WAITING
    },
    reload,
    close: async () => {
      isClosed = true
      expiry?.cancel()
      round?.cancel()
      await work
    },
  }
}

/** Where a server is, as far as that ends its waiting. */
function placementOf(serverId: ServerId, server: Whereabouts | undefined): readonly Placement[] {
  const atUs = Date.now() * 1000
  switch (server?.kind) {
    case 'located':
      return [{ kind: 'located', serverId, atUs, destinations: server.destinations }]
    case undefined:
    case 'unknown':
      return [{ kind: 'unknown', serverId, atUs }]
    case 'unassigned':
    case 'unlocated':
      return []
  }
}
