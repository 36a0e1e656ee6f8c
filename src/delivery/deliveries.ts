import { setTimeout as sleep } from 'node:timers/promises'
import type { Caster } from '../cast/cast.ts'
import type { CellId, Destination, EventId, HostName, ServerId } from '../events/event.ts'
import { type EventName, isAwaited, merges } from '../events/names.ts'
import { type DecidedEvent, type Delivery, type Journal, NO_SEARCHES, type Submission } from '../journal/journal.ts'
import { ShortLivedMap } from '../lib/short-lived-map.ts'
import type { Happenings } from '../observe/happenings.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Servers } from '../servers/servers.ts'
import { createAlarms } from './alarms.ts'
import { type Backoff, RETRY } from './backoff.ts'
import type { Accepted, Deliveries } from './delivery.ts'
import { createDoubts } from './doubts.ts'
import { type Fresh, Lane, type Left } from './lane.ts'
import { createLastHosts, type Place } from './last-hosts.ts'
import { createLateLocator } from './late-location.ts'
import { createLoad, type Load } from './load.ts'
import { createParking, PARK_PACE } from './parking.ts'
import { createRecorder, tell } from './recorder.ts'
import { createTimeToLive, type TimeToLive } from './time-to-live.ts'
import { createTurns, type LaneQueue } from './turns.ts'

/** How deliveries are made. */
export interface DeliveryConfig {
  /** Deliveries under way to one host at most: cast and neither confirmed nor acknowledged. */
  readonly window: number
  /** How long an agent may take to acknowledge before a delivery is sent again. */
  readonly ackTimeoutMs: number
  /** The waits after failures; from 0.5 s to 30 s unless said. */
  readonly retry?: Backoff
  /** Seconds for which deliveries are worth making, by the name of the event, where that is not the default. */
  readonly ttlSeconds?: Readonly<Partial<Record<EventName, number>>>
  /** Tries of a delivery that come to nothing for its own sake before it ends as failed; 20 unless said. */
  readonly maxAttempts?: number
  /** How often, at most, a host is searched for deliveries whose time is over, or that wait in vain; 30 s unless said. */
  readonly sweepMs?: number
  /** How long an event whose server is on no host is kept, since it came; not at all unless said. */
  readonly parkMs?: number
  /** The waits between two questions for a server that is on no host. */
  readonly parkPace?: Backoff
}

export interface DeliveriesParts {
  readonly journal: Pick<
    Journal,
    | 'open'
    | 'awaited'
    | 'outdated'
    | 'record'
    | 'claim'
    | 'unlocated'
    | 'locate'
    | 'parked'
    | 'expireParked'
    | 'follow'
    | 'onFollowed'
    | 'takeovers'
  >
  readonly caster: Caster
  readonly servers: Servers
  readonly metrics: Metrics
  readonly happenings: Happenings
  readonly log: Log
  readonly config: DeliveryConfig
}

/** Hosts of one cell whose deliveries are read from the journal at the same time. */
const MOST_READERS = 8
const CLAIM_MS = 1000
/** Where nobody acknowledges, little waits for what became of casts to be on disk: fewer transactions leave more time for others. */
const GATHER_MS = { soon: 5, leisurely: 25 } as const
/** How long `close` waits: for casts to come back, then for the journal. */
const GRACE_MS = 3000

/**
 * Takes what is committed to its hosts: a lane per host (see `Lane`), which is there only while something is under way or waits.
 * What the journal has is at least once, in order for each server; memory holds only what is under way.
 */
export function createDeliveries(parts: DeliveriesParts): Deliveries {
  const { journal, caster, servers, metrics, log, config } = parts
  const lanes = new ShortLivedMap<HostName, Lane>()
  const load = createLoad(caster)
  const alarms = createAlarms()
  const recorder = createRecorder({ ...parts, gatherMs: caster.isFinal ? GATHER_MS : null })
  const turns = createTurns<LaneQueue>({ most: MOST_READERS, mayBegin: (queue) => load.hasRoom(queue, false) })
  const awaitedTurns = createTurns<LaneQueue>({ most: MOST_READERS, mayBegin: (queue) => load.hasRoom(queue, true) })
  const retry = config.retry ?? RETRY
  const timeToLive = createTimeToLive(config.ttlSeconds)
  const limits = { ...config, retry, maxAttempts: config.maxAttempts ?? 20, sweepMs: config.sweepMs ?? 30_000 }
  /** Before that nobody knows what stands before what is accepted now. */
  let isStarted = false
  let isClosed = false

  const laneOf = (host: HostName): Lane => {
    const known = lanes.get(host)
    if (known !== undefined) return known
    const lane = new Lane(host, shared)
    lanes.set(host, lane)
    return lane
  }
  const rewind = (hosts: readonly HostName[]) => {
    if (!isClosed) for (const host of hosts) laneOf(host).rewind()
  }
  const wakeAll = () => {
    if (!isClosed) for (const lane of [...lanes.values()]) lane.wake()
  }
  const lastHosts = createLastHosts()
  const parking = createParking({ journal, servers, alarms, log, lastHosts, pace: config.parkPace ?? PARK_PACE })
  const late = createLateLocator({
    ...{ journal, servers, alarms, log, retry, timeToLive, lastHosts, parkMs: config.parkMs ?? 0 },
    onParked: parking.parked,
    onDone: wakeAll,
  })
  const doubts = createDoubts()
  const marking: Caster = { ...caster, cast: (cast) => caster.cast(doubts.mark(cast)) }
  const shared = {
    ...{ journal, servers, caster: marking, recorder, alarms, turns, awaitedTurns, metrics, log, limits, timeToLive, load },
    onSettled: () => {
      awaitedTurns.next()
      turns.next()
    },
    isHeld: (cell: CellId | null) => !isStarted || isClosed || late.isWaiting(cell),
    follows: lastHosts.follows,
    onIdle: (lane: Lane) => {
      if (lanes.get(lane.host) === lane) lanes.delete(lane.host)
      if (isStarted && lanes.size === 0) lastHosts.nothingIsLeft()
    },
  }
  journal.onFollowed(({ hosts, ended }) => {
    tell(parts, ended)
    for (const [host, those] of Map.groupBy(ended, ({ host }) => host))
      lanes.get(host)?.ended(those.map(({ eventId }) => eventId))
    rewind(hosts)
  })
  const claims = createClaims(journal, log, {
    claimed: (hosts) => {
      const isFirst = !isStarted
      isStarted = true
      if (isFirst && hosts.length === 0 && lanes.size === 0) lastHosts.nothingIsLeft()
      doubts.inherited(hosts)
      rewind(hosts)
      if (isFirst) wakeAll()
    },
    tookOver: async () => {
      lastHosts.othersLeft()
      await Promise.all([late.start(), parking.reload()])
    },
  })
  listen(caster, { lanes, laneOf, wakeAll, isClosed: () => isClosed })
  measure(metrics, lanes, load)

  return {
    get hasRoomToPark() {
      return parking.hasRoom
    },
    searches: (submission) => {
      const strays = servers.areMovesTold ? NONE : lastHosts.strays(placesOf(submission))
      const urgent = urgentOf(submission, (host, cell) => lanes.get(host)?.takesAhead(cell) === true)
      return strays.size === 0 && urgent.size === 0 ? NO_SEARCHES : { strays, urgent }
    },
    accepted: (accepted) => {
      if (isClosed) return
      if (!servers.areMovesTold) lastHosts.note(placesOf(accepted.submission), accepted.searches.strays)
      for (const { event, outcome } of accepted.submission.events) {
        if (outcome.kind === 'deferred') late.deferred(outcome.cell)
        else if (outcome.kind === 'parked') parking.parked([{ serverId: event.serverId, untilUs: outcome.untilUs }])
      }
      for (const batch of groupByDestination(accepted)) {
        if (batch.cell !== null && late.isWaiting(batch.cell)) late.hurry(batch.cell)
        hand(laneOf(batch.host), batch, accepted, timeToLive)
      }
      // Behind what this process was not told of yet, which is read first.
      rewind(accepted.passedOn.filter(({ kind }) => kind === 'untold').map(({ host }) => host))
    },
    start: async () => {
      await Promise.all([late.start(), parking.reload()])
      await claims.start()
    },
    close: async () => {
      isClosed = true
      claims.close()
      turns.close()
      awaitedTurns.close()
      alarms.close()
      await within(GRACE_MS, Promise.all([late.close(), parking.close()]))
      for (const endMs = performance.now() + GRACE_MS; load.casts > 0 && performance.now() < endMs; ) await sleep(10)
      await recorder.close(GRACE_MS)
    },
  }
}

const NONE: ReadonlySet<ServerId> = new Set()

/** The servers of what is waited for and goes to such a host. */
function urgentOf({ events }: Submission, isSuch: (host: HostName, cell: CellId | null) => boolean): ReadonlySet<ServerId> {
  let urgent: Set<ServerId> | null = null
  for (const { event, outcome } of events) {
    if (outcome.kind !== 'accepted' || !isAwaited(event.name)) continue
    if (outcome.destinations.some(({ host, cell }) => isSuch(host, cell))) urgent = (urgent ?? new Set()).add(event.serverId)
  }
  return urgent ?? NONE
}

/** Where the accepted events of a submission go. */
function* placesOf({ events }: Submission): Generator<Place> {
  for (const { event, outcome } of events) if (outcome.kind === 'accepted') yield [event.serverId, outcome.destinations]
}

interface Batch extends Destination {
  readonly events: [DecidedEvent, ...DecidedEvent[]]
}

/** The events of a submission for each host, without those that are not to be made out of hand. */
function groupByDestination({ submission: { events }, passedOn }: Accepted): readonly Batch[] {
  const isPassedOn = (eventId: EventId, host: HostName) =>
    passedOn.some((each) => each.kind !== 'behind' && each.eventId === eventId && each.host === host)
  const batches: Batch[] = []
  const byHost = new Map<HostName, Batch[]>()
  for (const event of events) {
    if (event.outcome.kind !== 'accepted') continue
    for (const { host, cell } of event.outcome.destinations) {
      if (passedOn.length > 0 && isPassedOn(event.id, host)) continue
      const known = byHost.get(host)?.find((batch) => batch.cell === cell)
      if (known !== undefined) {
        known.events.push(event)
        continue
      }
      const batch: Batch = { host, cell, events: [event] }
      batches.push(batch)
      byHost.set(host, [...(byHost.get(host) ?? []), batch])
    }
  }
  return batches
}

/** Gives a lane what was accepted for it, or only word of it where it has to stay in the journal anyway. */
function hand(lane: Lane, batch: Batch, accepted: Accepted, timeToLive: TimeToLive): void {
  const takesAll = lane.takes(batch.cell)
  const now = takesAll ? batch.events : lane.takesAhead(batch.cell) ? aheadOf(batch, accepted) : []
  if (now.length < batch.events.length) {
    const left = now.length === 0 ? batch.events : batch.events.filter((event) => !now.includes(event))
    lane.leave(describeLeft(left, accepted.submission, timeToLive))
  }
  if (isSome(now)) lane.accept(toFresh(batch, now, accepted))
}

/** What of this is waited for, and has nothing of its server in front of it. */
function aheadOf({ host, events }: Batch, { searches: { urgent }, passedOn }: Accepted): readonly DecidedEvent[] {
  if (urgent.size === 0) return []
  const behind = new Set(passedOn.flatMap((each) => (each.host === host ? each.eventId : [])))
  const left = new Set<ServerId>()
  return events.filter(({ id, event }) => {
    const isAhead = urgent.has(event.serverId) && isAwaited(event.name) && !behind.has(id) && !left.has(event.serverId)
    if (!isAhead) left.add(event.serverId)
    return isAhead
  })
}

function describeLeft(events: readonly DecidedEvent[], { receivedAtUs }: Submission, { expiresAtMs }: TimeToLive): Left {
  const left = { firstExpiresAtMs: Number.POSITIVE_INFINITY, hasAwaited: false, merging: 0 }
  for (const { event } of events) {
    left.firstExpiresAtMs = Math.min(left.firstExpiresAtMs, expiresAtMs({ event, receivedAtUs }))
    left.hasAwaited ||= isAwaited(event.name)
    if (merges(event.name)) left.merging++
  }
  return left
}

function toFresh({ host, cell }: Batch, events: Some<DecidedEvent>, { submission, context, whereabouts }: Accepted): Fresh {
  const { receivedAtUs, requestId, globalRequestId, sender } = submission
  const toDelivery = ({ id, event }: DecidedEvent): Delivery => {
    return { eventId: id, host, cell, event, requestId, globalRequestId, receivedAtUs, sender, attempts: 0, tries: 0 }
  }
  const [first, ...others] = events
  return {
    cell,
    deliveries: [toDelivery(first), ...others.map(toDelivery)],
    context,
    instances: new Map(events.flatMap(({ event: { serverId } }) => instanceOf(serverId, whereabouts))),
  }
}

type Some<Item> = readonly [Item, ...Item[]]

function isSome<Item>(items: readonly Item[]): items is Some<Item> {
  return items.length > 0
}

/** The server with its instance, where Nova has one. */
function instanceOf(serverId: ServerId, whereabouts: Accepted['whereabouts']) {
  const server = whereabouts.get(serverId)
  return server?.kind === 'located' && server.instance !== null ? [[serverId, server.instance] as const] : []
}

interface Lanes {
  readonly lanes: ShortLivedMap<HostName, Lane>
  laneOf(host: HostName): Lane
  wakeAll(): void
  isClosed(): boolean
}

/** Hears what the caster tells of hosts. */
function listen(caster: Caster, { lanes, laneOf, wakeAll, isClosed }: Lanes): void {
  caster.onReachable((host) => {
    if (host === null) wakeAll()
    else if (!isClosed()) lanes.get(host)?.wake()
  })
  caster.agents?.watch({
    connected: (host, lastSeen) => {
      if (!isClosed()) laneOf(host).connected(lastSeen)
    },
    lost: (host) => {
      if (!isClosed()) lanes.get(host)?.lost()
    },
    acknowledged: (host, ids) => lanes.get(host)?.acknowledged(ids),
  })
}

function measure(metrics: Metrics, lanes: ShortLivedMap<HostName, Lane>, load: Pick<Load, 'casts'>): void {
  const count = (of: (lane: Lane) => number) => () => {
    let sum = 0
    for (const lane of lanes.values()) sum += of(lane)
    return sum
  }
  metrics.gauge('casts_under_way', 'Casts that wait for their result.', () => load.casts)
  metrics.gauge(
    'deliveries_under_way',
    'Deliveries that were cast and are not ended yet.',
    count((lane) => lane.underWay),
  )
  metrics.gauge(
    'hosts_waiting',
    'Hosts whose deliveries wait in the journal until they can be reached.',
    count((lane) => (lane.isWaiting ? 1 : 0)),
  )
}

interface ClaimListener {
  claimed(hosts: readonly HostName[]): void
  /** Events without a host may be this one's now: another process left them behind, or they were kept and nobody knew. */
  tookOver(): Promise<void>
}

/** Asks the journal each second for hosts whose deliveries have become this process' to make. */
function createClaims(journal: Pick<Journal, 'claim' | 'takeovers'>, log: Log, listener: ClaimListener) {
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let isTrouble = false
  let takeovers = journal.takeovers()
  const claim = async () => {
    try {
      listener.claimed(await journal.claim())
      const now = journal.takeovers()
      if (now !== takeovers && !isClosed) void listener.tookOver()
      takeovers = now
      isTrouble = false
    } catch (error) {
      if (!isTrouble) log.warn({ err: error }, 'the journal cannot tell now which deliveries to make; it is asked again')
      isTrouble = true
    }
    if (!isClosed) timer = setTimeout(claim, CLAIM_MS).unref()
  }
  return {
    start: claim,
    close: () => {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** Waits for this, but no longer. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  await Promise.race([promise, sleep(ms, undefined, { signal: over.signal }).catch(() => {})])
  over.abort()
}
