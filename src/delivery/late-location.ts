import type { CellId, EventId, ServerId, Whereabouts } from '../events/event.ts'
import {
  type Journal,
  type LateLocation,
  PARKED_REASON,
  PARKED_UNKNOWN,
  type ParkedEvent,
  type UnlocatedEvent,
} from '../journal/journal.ts'
import type { Log } from '../observe/log.ts'
import type { Servers } from '../servers/servers.ts'
import type { Alarm, Alarms } from './alarms.ts'
import { type Backoff, retryDelayMs } from './backoff.ts'
import { type LastHosts, type Place, whileFollowed } from './last-hosts.ts'
import type { TimeToLive } from './time-to-live.ts'

/** Finds hosts for events that were accepted while their server's cell could not be asked. */
export interface LateLocator {
  /** Events of this cell were accepted without a host. */
  deferred(cell: CellId): void
  /** Whether events of this cell still wait: what is accepted later must not overtake them. */
  isWaiting(cell: CellId | null): boolean
  /** The cell answers again. */
  hurry(cell: CellId): void
  /** Finds what others left behind: resolves when each of it was tried once. */
  start(): Promise<void>
  /** Resolves when nothing is under way. */
  close(): Promise<void>
}

export interface LateLocatorParts {
  readonly journal: Pick<Journal, 'unlocated' | 'locate'>
  readonly servers: Servers
  readonly alarms: Alarms
  readonly log: Log
  readonly retry: Backoff
  readonly timeToLive: TimeToLive
  readonly lastHosts: Pick<LastHosts, 'strays' | 'follows'>
  /** How long an event whose server is on no host is kept, since it came; 0: not at all. */
  readonly parkMs: number
  /** These were parked. */
  onParked(events: readonly Pick<ParkedEvent, 'serverId' | 'untilUs'>[]): void
  /** None of a cell's events waits any more. */
  onDone(): void
}

interface Cell {
  failures: number
  dueMs: number
  /** A page with events of it is still to be dealt with. */
  isLeft: boolean
}

const PAGE = 256
/** How often it is looked for what another process left behind, while nothing waits. */
const IDLE_MS = 30_000

/**
 * The events that wait are in the journal; in memory are only their cells. Passes go through all that wait, in the order of their
 * commits, and try those of the cells whose time has come: a cell that cannot be asked costs one question a pass.
 */
export function createLateLocator(parts: LateLocatorParts): LateLocator {
  const { journal, servers, alarms, retry, timeToLive, lastHosts, log } = parts
  const cells = new Map<CellId, Cell>()
  let alarm: Alarm | null = null
  let passing: Promise<void> | null = null
  /** The pass under way may have gone by what is to be found: another follows at once. */
  let isMissed = false
  /** Passes in a row that the journal did not bear. */
  let failures = 0
  let isClosed = false

  const cellOf = (id: CellId): Cell => {
    const known = cells.get(id)
    if (known !== undefined) return known
    const cell: Cell = { failures: 0, dueMs: performance.now(), isLeft: true }
    cells.set(id, cell)
    return cell
  }
  const fail = (id: CellId) => {
    const cell = cellOf(id)
    cell.isLeft = true
    if (cell.dueMs <= performance.now()) cell.dueMs = performance.now() + retryDelayMs(retry, ++cell.failures)
  }
  const schedule = () => {
    alarm?.cancel()
    alarm = null
    if (!isClosed && passing === null) alarm = alarms.after(delayMs(), begin)
  }
  const delayMs = (): number => {
    if (failures > 0) return retryDelayMs(retry, failures)
    if (cells.size === 0) return IDLE_MS
    return Math.min(...[...cells.values()].map((cell) => cell.dueMs)) - performance.now()
  }

  /** Their servers may move on before that is durable, and get new events there. */
  const record = async (locations: readonly LateLocation[], places: readonly Place[]) => {
    const strays = lastHosts.strays(places)
    const servers = places.map(([serverId]) => serverId)
    await whileFollowed(lastHosts, servers, () => journal.locate(locations, strays))
  }
  const dealWith = async (page: readonly UnlocatedEvent[]) => {
    const nowMs = performance.now()
    const due = page.filter(({ cell }) => cellOf(cell).dueMs <= nowMs)
    const isOver = (event: UnlocatedEvent) => Date.now() >= timeToLive.expiresAtMs(event)
    const expired = page.filter((event) => isOver(event))
    const tried = due.filter((event) => !isOver(event))
    const ids = new Set(tried.map(({ event }) => event.serverId))
    const whereabouts: ReadonlyMap<ServerId, Whereabouts> = ids.size === 0 ? new Map() : await servers.locate([...ids])
    const outcomes = tried.flatMap((event) => locate(event, whereabouts, parts.parkMs))
    const locations = [...expired.map((event) => toExpired(event, timeToLive)), ...outcomes]
    const places = tried.flatMap(({ event }) => placeOf(event.serverId, whereabouts))
    if (locations.length > 0) await record(locations, places)
    const serverOf = new Map(page.map(({ eventId, event }) => [eventId, event.serverId] as const))
    parts.onParked(
      outcomes.flatMap((each) =>
        each.kind === 'parked' ? [{ serverId: serverOf.get(each.eventId) as ServerId, untilUs: each.untilUs }] : [],
      ),
    )
    const ended = new Set(locations.map(({ eventId }) => eventId))
    for (const { eventId, cell } of page) if (!ended.has(eventId)) fail(cell)
  }
  const pass = async () => {
    for (const cell of cells.values()) cell.isLeft = false
    let after: EventId | null = null
    do {
      const page: readonly UnlocatedEvent[] = await journal.unlocated(after, PAGE)
      await dealWith(page)
      after = page.length < PAGE ? null : (page.at(-1)?.eventId ?? null)
    } while (after !== null && !isClosed)
    let isAnyDone = false
    for (const [id, cell] of cells) if (!cell.isLeft && !isClosed) isAnyDone = cells.delete(id) || isAnyDone
    if (isAnyDone) parts.onDone()
  }
  const begin = () => {
    if (passing !== null || isClosed) return
    isMissed = false
    passing = pass()
      .then(
        () => {
          failures = 0
        },
        (error: unknown) => {
          if (++failures === 1)
            log.warn({ err: error }, 'events that wait to be located cannot be dealt with now; they are tried again')
        },
      )
      .then(() => {
        passing = null
        if (isMissed) begin()
        else schedule()
      })
  }
  return {
    deferred: (id) => {
      const isNew = !cells.has(id)
      cellOf(id).isLeft = true
      if (!isNew) return
      fail(id)
      schedule()
    },
    isWaiting: (id) => id !== null && cells.size > 0 && cells.has(id),
    hurry: (id) => {
      const cell = cells.get(id)
      if (cell === undefined || cell.dueMs <= performance.now()) return
      cell.dueMs = performance.now()
      schedule()
    },
    start: async () => {
      isMissed = passing !== null
      begin()
      while (passing !== null) await passing
    },
    close: async () => {
      isClosed = true
      alarm?.cancel()
      await passing
    },
  }
}

function toExpired(event: UnlocatedEvent, { expiryReason }: TimeToLive): LateLocation {
  return { kind: 'expired', eventId: event.eventId, atUs: Date.now() * 1000, reason: expiryReason(event) }
}

/** What became of an event, now that its server was asked for again; nothing where it still cannot be told. */
function locate(
  { eventId, event, receivedAtUs }: UnlocatedEvent,
  whereabouts: ReadonlyMap<ServerId, Whereabouts>,
  parkMs: number,
): readonly LateLocation[] {
  const untilUs = receivedAtUs + parkMs * 1000
  const atUs = Date.now() * 1000
  const server = whereabouts.get(event.serverId)
  switch (server?.kind) {
    case 'unlocated':
      return []
    case 'located':
      return [{ kind: 'located', eventId, atUs, destinations: server.destinations }]
    case 'unassigned':
      if (untilUs > atUs) return [{ kind: 'parked', eventId, atUs, reason: PARKED_REASON, untilUs }]
      return [{ kind: 'refused', eventId, atUs, reason: PARKED_REASON }]
    case undefined:
    case 'unknown':
      return [{ kind: 'refused', eventId, atUs, reason: PARKED_UNKNOWN }]
  }
}

function placeOf(serverId: ServerId, whereabouts: ReadonlyMap<ServerId, Whereabouts>): readonly Place[] {
  const server = whereabouts.get(serverId)
  return server?.kind === 'located' ? [[serverId, server.destinations]] : []
}
