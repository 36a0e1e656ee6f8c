import type { Cast, Caster, CastResult } from '../cast/cast.ts'
import type { CellId, EventId, HostName, ServerId } from '../events/event.ts'
import { isAwaited } from '../events/names.ts'
import type { Delivery, Journal, Outdated } from '../journal/journal.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Servers } from '../servers/servers.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { AgentMemory } from './agent-memory.ts'
import type { Alarm, Alarms } from './alarms.ts'
import { Backlog, type Dealt } from './backlog.ts'
import { type Backoff, retryDelayMs } from './backoff.ts'
import { CastLine, type CastLineParts } from './cast-line.ts'
import { type CastGatherer, gatherCasts } from './gather-casts.ts'
import { Held } from './held.ts'
import { Leaving } from './leaving.ts'
import type { Load } from './load.ts'
import { Merging } from './merging.ts'
import { awaitedFirst, outdatedAmong, type Page } from './page.ts'
import type { Recorder } from './recorder.ts'
import { type Route, route } from './route.ts'
import { createSteps, type Steps } from './steps.ts'
import { Sweep } from './sweep.ts'
import type { TimeToLive } from './time-to-live.ts'
import type { LaneQueue, Turns } from './turns.ts'
import { type Late, UnderWay } from './under-way.ts'

/** What all lanes share. */
export interface LaneParts extends CastLineParts {
  readonly caster: Caster
  readonly load: Load
  readonly journal: Pick<Journal, 'open' | 'awaited' | 'outdated'>
  readonly servers: Servers
  readonly recorder: Recorder
  readonly alarms: Alarms
  readonly turns: Turns<LaneQueue>
  readonly awaitedTurns: Turns<LaneQueue>
  readonly metrics: Pick<Metrics, 'delivered'>
  readonly limits: LaneLimits
  readonly timeToLive: TimeToLive
  /** Whether what is for this cell has to wait for events that came earlier and are not located yet. */
  isHeld(cell: CellId | null): boolean
  /** What waits for this server follows it to other hosts, some time before `end` is called. */
  follows(server: ServerId): { readonly end: () => void }
  /** Nothing is under way and nothing waits: the lane may be forgotten. */
  onIdle(lane: Lane): void
}

export interface LaneLimits {
  /** Deliveries under way to one host; awaited ones may be a quarter more. */
  readonly window: number
  /** How long an agent may take to acknowledge. */
  readonly ackTimeoutMs: number
  readonly retry: Backoff
  /** Tries of a delivery that come to nothing for its own sake before it ends as failed. */
  readonly maxAttempts: number
  /** How often, at most, a host is searched for deliveries whose time is over, or that wait in vain. */
  readonly sweepMs: number
}

/** Deliveries of one request that were committed just now, with what is known of it. */
export type Fresh = Omit<Cast, 'host'>

/** What stays in the journal. */
export interface Left {
  /** When the first of it expires, in milliseconds since the epoch. */
  readonly firstExpiresAtMs: number
  readonly hasAwaited: boolean
  /** How much of it merges. */
  readonly merging: number
}

/** After trouble only a few are cast, to see whether it is over. */
const PROBE = 16
/** Less room than this is filled after so long, for by then there may be more. */
const LITTLE = 64
const PATIENCE_MS = 20
/** Under way at once to a host behind a broker while it is behind: what is awaited goes to the end of the same queue. */
const BULK = 128

/**
 * The way to one host: its deliveries in the order of their commits, of which those under way are in memory and the rest is in the
 * journal.
 *
 *     clear ──── more than the window has room for ───► behind ──► reads the journal behind its cursors as there is room
 *       │ ▲                                             ▲ │  └──── all is read ──► clear
 *       │ └─ nothing is left                            │ │
 *       │         │         time to retry, reachable:   │ │
 *       │       waiting ── from the journal's beginning ┘ │
 *       │         ▲                                       │
 *       │         └─ all that was under way is back       │
 *       │                    │                            │
 *       └─ a cast fails ─► failing ◄─────── a cast fails ─┘         (the connection to an agent is lost: waiting at once)
 *
 * While it is clear what is accepted goes out at once; while it is behind only what is awaited and has nothing of its server in front of
 * it. All else stays in the journal and is read in its turn: awaited events before the others, each behind what came earlier for its
 * server.
 *
 * Order: results of casts are dealt with in the order of the casts, and when one fails, those of the same server that went out
 * behind it count as not made, whatever became of them: they go out again, behind it. So nothing of a server is ended before what
 * came earlier, and a host that drops repeats sees the events of each server in order. A cast that is refused for its own sake
 * keeps back only its servers (see `Held`).
 */
export class Lane {
  readonly host: HostName
  readonly #parts: LaneParts
  #mode: 'clear' | 'behind' | 'failing' | 'waiting' = 'clear'
  readonly #underWay = new UnderWay()
  readonly #line: CastLine
  readonly #steps: Steps
  readonly #backlog: Backlog
  readonly #acknowledgements: Acknowledgements
  readonly #held: Held
  readonly #sweep: Sweep
  readonly #merging: Merging
  readonly #agentMemory = new AgentMemory()
  /** When the journal has what the last loss of a connection returned, and what was ended because a newer event says the same. */
  #recorded: Promise<unknown> = Promise.resolve()
  /** How many of such ends it does not have yet. */
  #merges = 0
  readonly #leaving = new Leaving()
  /** After trouble the first casts are awaited before more is read. */
  #isProbing = false
  #failures = 0
  /** The servers of which a cast failed, while failing. */
  readonly #failedServers = new Set<ServerId>()
  /** Of the trouble that is, and of the last one: what is in the journal already is not written for every delivery and every try. */
  #reason: string | null = null
  #knownReason: string | null = null
  #isWoken = false
  /** Whether a little room waits to become more; false: it has waited; null: there is none, or enough. */
  #isPatient: boolean | null = null
  #retryAlarm: Alarm | null = null

  constructor(host: HostName, parts: LaneParts) {
    this.host = host
    this.#parts = parts
    const { limits } = parts
    this.#line = new CastLine(parts, {
      result: ({ deliveries }, result) => this.#settle(deliveries, result),
      settled: () => this.#settled(),
    })
    this.#steps = createSteps(host, {
      ...{ ...parts, maxAttempts: limits.maxAttempts },
      onEnding: (deliveries) => this.#underWay.add(deliveries),
      onEnded: (deliveries) => this.ended(deliveries.map(({ eventId }) => eventId)),
    })
    this.#backlog = new Backlog(host, parts, {
      isWanted: () => this.#mode === 'behind',
      recorded: async () => void (await this.#recorded),
      deal: (page, isAwaited) => this.#deal(page, isAwaited),
      isMuch: () => this.#merging.noteUnknown(),
      allRead: () => this.#clear(),
      failed: (reason) => this.#fail(reason),
      goOn: () => this.#pump(),
    })
    this.#acknowledgements = new Acknowledgements({
      ...{ ...parts, underWay: this.#underWay, timeoutMs: limits.ackTimeoutMs },
      onLate: (late, isHeardSince) => this.#sendAgain(late, isHeardSince),
    })
    this.#held = new Held({
      ...{ ...parts, retry: limits.retry },
      isUnderWay: (server) => this.#underWay.hasServer(server),
      onReleased: () => this.#pass(),
    })
    this.#sweep = new Sweep(
      host,
      { ...parts, sweepMs: limits.sweepMs },
      { expired: (deliveries) => this.#steps.expire(deliveries), nothingLeft: () => this.#clear() },
    )
    this.#merging = new Merging(host, {
      ...{ ...parts, everyMs: limits.sweepMs },
      supersede: (outdated) => this.#supersede(outdated),
    })
  }

  /** How many deliveries are under way. */
  get underWay(): number {
    return this.#underWay.size
  }

  get isWaiting(): boolean {
    return this.#mode === 'waiting' || this.#mode === 'failing'
  }

  /** Whether what is accepted now can go out at once (`accept`). Where not, there is only `leave`. */
  takes(cell: CellId | null): boolean {
    if (this.#mode !== 'clear') return false
    if (!this.#isReachable()) this.#wait()
    else if (this.#parts.isHeld(cell)) this.#fail(HELD)
    else return true
    return false
  }

  /** Whether what is waited for, and has nothing of its server in front of it, can go out ahead of what waits. */
  takesAhead(cell: CellId | null): boolean {
    return this.#mode === 'behind' && !this.#isProbing && this.#isReachable() && !this.#parts.isHeld(cell)
  }

  /** Something stays in the journal. */
  leave({ firstExpiresAtMs, hasAwaited, merging }: Left): void {
    this.#sweep.note(firstExpiresAtMs)
    this.#merging.note(merging)
    this.#backlog.left(hasAwaited)
    if (hasAwaited) this.#pump()
  }

  /** Casts what was accepted just now, as far as there is room. */
  accept(fresh: Fresh): void {
    const hasAwaited = fresh.deliveries.some(({ event }) => isAwaited(event.name))
    const room = this.#parts.load.hasRoom(fresh.cell, hasAwaited) ? this.#room(hasAwaited) : 0
    // A page that was read before this call may have brought it.
    const free = fresh.deliveries.filter(
      ({ eventId, event: { serverId } }) =>
        !this.#leaving.passesOver(serverId) && !this.#underWay.has(eventId) && !this.#held.has(serverId),
    )
    const [first, ...others] = free.slice(0, room)
    if (first !== undefined) this.#cast({ ...fresh, host: this.host, deliveries: [first, ...others] })
    if (free.length <= room) return
    if (this.#mode === 'clear') this.rewind()
    else this.#backlog.left(hasAwaited)
  }

  /** Reads the journal from its beginning: what is older than all that is under way may have come into it. */
  rewind(): void {
    this.#sweep.note(0)
    this.#pass()
  }

  /** It may go better now. */
  wake(): void {
    if (this.#mode === 'waiting') this.#retry()
    else if (this.#mode === 'failing') this.#isWoken = true
  }

  /** An agent is there, and has seen what is open up to this event. */
  connected(lastSeen: EventId | null): void {
    this.#agentMemory.connected(lastSeen)
    this.#failures = 0
    if (this.#mode === 'failing') this.#isWoken = true
    else this.#readFromStart()
  }

  /** The agent is gone: what it did not acknowledge will go out again. */
  lost(): void {
    const { all, unacknowledged } = this.#underWay.takeAll()
    this.#agentMemory.lost(unacknowledged.map(({ eventId }) => eventId))
    this.#line.abandon()
    if (unacknowledged.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#recorded = Promise.all([this.#recorded, promise])
      this.#steps.return(unacknowledged, 'the connection was lost before it was acknowledged', resolve)
    }
    for (const delivery of all) this.#sweep.note(this.#parts.timeToLive.expiresAtMs(delivery))
    if (all.length > 0 || this.#mode !== 'clear') this.#wait()
    else this.#pump()
  }

  /** The agent has acknowledged these, and the journal has ended them. */
  acknowledged(ids: readonly EventId[]): void {
    this.#acknowledgements.heard()
    this.ended(ids)
  }

  /** The journal has ended these. */
  ended(ids: readonly EventId[]): void {
    for (const id of ids) {
      this.#underWay.delete(id)
      this.#agentMemory.ended(id)
      this.#backlog.ended(id)
    }
    this.#pump()
  }

  // Results of casts, in the order of the casts.

  #cast(cast: Cast): void {
    this.#underWay.add(cast.deliveries)
    this.#line.add(cast)
  }

  #settle(deliveries: readonly Delivery[], result: CastResult): void {
    switch (result.kind) {
      case 'taken':
        this.#taken(deliveries)
        break
      case 'failed': {
        const reasons = new Map(result.failed.map(({ delivery, reason }) => [delivery.eventId, reason]))
        const failed = deliveries.filter(({ eventId }) => reasons.has(eventId))
        this.#steps.end(failed, ({ eventId }) => ({ kind: 'failed', reason: reasons.get(eventId) ?? '' }))
        this.#taken(deliveries.filter(({ eventId }) => !reasons.has(eventId)))
        break
      }
      case 'unready':
        this.#unready(deliveries, result.reason)
        break
      case 'refused':
        this.#refused(deliveries, result.reason)
        break
      case 'away':
      case 'returned':
        for (const { event } of deliveries) this.#failedServers.add(event.serverId)
        this.#giveBack(deliveries)
        if (result.reason !== this.#knownReason) this.#steps.return(deliveries, result.reason)
        this.#fail(result.reason)
        break
    }
  }

  #settled(): void {
    if (this.#line.isEmpty) this.#isProbing = false
    if (this.#line.isEmpty && this.#mode === 'failing') this.#wait()
    this.#pump()
  }

  #taken(deliveries: readonly Delivery[]): void {
    const taken = this.#withoutFollowers(deliveries)
    if (taken.length === 0) return
    for (const { event } of taken) this.#held.taken(event.serverId)
    const seconds = Date.now() / 1000
    for (const { attempts, receivedAtUs } of taken)
      if (attempts === 0) this.#parts.metrics.delivered(Math.max(seconds - receivedAtUs / 1e6, 0))
    if (this.#mode !== 'failing') {
      this.#failures = 0
      this.#knownReason = null
    }
    // What followed its server to another host meanwhile is not this one's any more.
    const here = taken.filter(({ eventId }) => this.#underWay.has(eventId))
    if (this.#parts.caster.isFinal) {
      // While nothing waits for room in the window, nothing waits for this to be on disk.
      const pace = this.#mode === 'clear' ? 'leisurely' : 'soon'
      this.#steps.end(here, () => ({ kind: 'dispatched', isEnd: true }), undefined, pace)
    } else {
      this.#steps.record(taken, () => ({ kind: 'dispatched', isEnd: false }))
      this.#acknowledgements.await(here)
    }
  }

  /** They are tried again, each time after longer, and their servers wait for that. */
  #unready(deliveries: readonly Delivery[], reason: string): void {
    const unready = this.#withoutFollowers(deliveries)
    const servers = new Set(unready.map(({ event }) => event.serverId))
    const isNews = new Set([...servers].filter((server) => this.#held.holdLacking(server, reason)))
    // What the journal has already is not written for every delivery and every try.
    this.#steps.return(
      unready.filter(({ event }) => isNews.has(event.serverId)),
      reason,
    )
    this.#giveBack(unready)
  }

  /** They may be tried again, a few times, and their servers wait for that; those that were tried too often end. */
  #refused(deliveries: readonly Delivery[], reason: string): void {
    const refused = this.#withoutFollowers(deliveries)
    // Read before that is durable, their tries would not count.
    const again = this.#steps.reject(refused, reason, () => this.#giveBack(again))
    for (const { event, tries } of again) this.#held.hold(event.serverId, tries)
  }

  /** Gives back those that went out behind one of the same server that was not taken. */
  #withoutFollowers(deliveries: readonly Delivery[]): readonly Delivery[] {
    const isFollower = ({ event }: Delivery) => this.#failedServers.has(event.serverId) || this.#held.has(event.serverId)
    this.#giveBack(deliveries.filter(isFollower))
    return deliveries.filter((each) => !isFollower(each))
  }

  /** They are the journal's again, pending as they were. */
  #giveBack(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#underWay.delete(delivery.eventId)
      this.#sweep.note(this.#parts.timeToLive.expiresAtMs(delivery))
    }
    if (deliveries.length > 0) this.#backlog.notStuck()
  }

  // Trouble, and its end.

  /** Casts nothing more; waits as soon as what is under way is back. */
  #fail(reason: string): void {
    this.#mode = 'failing'
    this.#backlog.abandon()
    this.#reason = reason
    if (this.#line.isEmpty) this.#wait()
  }

  #wait(): void {
    this.#mode = 'waiting'
    this.#backlog.abandon()
    this.#failedServers.clear()
    this.#knownReason = this.#reason
    this.#retryAlarm?.cancel()
    if (this.#isWoken) {
      this.#retry()
      return
    }
    const { alarms, limits } = this.#parts
    // An agent tells when it comes; a broker or a database is tried.
    if (this.#isReachable()) this.#retryAlarm = alarms.after(retryDelayMs(limits.retry, ++this.#failures), () => this.#retry())
    this.#sweep.start()
  }

  #retry(): void {
    this.#isProbing = true
    this.#readFromStart()
  }

  /** Goes through all that is open, unless that is to be done after a wait anyway. */
  #pass(): void {
    if (!this.isWaiting) this.#readFromStart()
  }

  #readFromStart(): void {
    this.#mode = 'behind'
    this.#backlog.rewind()
    this.#isWoken = false
    this.#retryAlarm?.cancel()
    this.#sweep.stop()
    this.#pump()
  }

  #clear(): void {
    this.#mode = 'clear'
    this.#agentMemory.forgetSeen()
    this.#retryAlarm?.cancel()
    this.#backlog.abandon()
    this.#sweep.reset()
    this.#merging.reset()
    this.#pump()
  }

  #isReachable(): boolean {
    return this.#parts.caster.agents?.isConnected(this.host) ?? true
  }

  #room(isAwaited: boolean): number {
    const { window } = this.#parts.limits
    const isBulk = this.#mode === 'behind' && this.#parts.caster.isFinal
    const most = isAwaited ? window + Math.max(PROBE, Math.ceil(window / 4)) : isBulk ? Math.min(window, BULK) : window
    return Math.max(most - this.#underWay.size, 0)
  }

  // What is in the journal.

  /** Goes on with what is to be done now. */
  #pump(): void {
    if (this.#mode === 'clear' && this.#underWay.size === 0 && this.#line.isEmpty) this.#rest()
    if (this.#mode !== 'behind' || (this.#isProbing && !this.#line.isEmpty)) return
    if (this.#isReachable()) this.#backlog.readOn({ all: this.#roomToFill(), awaited: this.#room(true) })
    else if (!this.#backlog.isReading) this.#wait()
  }

  /** The room for what nobody waits for; none while it is little and only just there: many small readings cost as many large ones. */
  #roomToFill(): number {
    const room = this.#room(false)
    if (room === 0) return 0
    const isLittle = room < Math.min(LITTLE, Math.ceil(this.#parts.limits.window / 8))
    if (!isLittle || this.#isPatient === false) {
      this.#isPatient = null
      return room
    }
    if (this.#isPatient === null) {
      this.#isPatient = true
      this.#parts.alarms.after(PATIENCE_MS, () => {
        if (this.#isPatient !== null) this.#isPatient = false
        this.#pump()
      })
    }
    return 0
  }

  #rest(): void {
    this.#acknowledgements.stop()
    if (this.#held.isEmpty && this.#leaving.isEmpty && !this.#backlog.isReading) this.#parts.onIdle(this)
  }

  /** Deals with as much of a page as there is room for. */
  #deal(page: Page, isAwaited: boolean): Dealt {
    if (this.#merges > 0) return { done: 0, taken: 0 }
    const nowMs = Date.now()
    const casts = gatherCasts(this.host)
    const ordered = isAwaited ? page.deliveries : awaitedFirst(page.deliveries)
    const waiting = ordered.filter((each) => this.#isWaiting(each, page))
    const outdated = outdatedAmong(waiting)
    if (outdated.size > 0) {
      this.#merge(
        waiting.filter(({ eventId }) => outdated.has(eventId)),
        outdated,
      )
      return { done: 0, taken: outdated.size }
    }
    const left = new Set(waiting)
    let room = this.#isProbing ? Math.min(this.#room(isAwaited), PROBE) : this.#room(isAwaited)
    let obstacle: string | null = null
    for (const delivery of waiting) {
      if (room-- === 0 || obstacle !== null) break
      left.delete(delivery)
      if (this.#parts.timeToLive.expiresAtMs(delivery) <= nowMs) this.#steps.expire([delivery])
      else if (this.#agentMemory.takeSeen(delivery.eventId)) this.#acknowledgements.await([delivery])
      else obstacle = this.#send(delivery, page, casts)
    }
    if (casts.all.length === 0) this.#isProbing = false
    for (const cast of casts.all) this.#cast(cast)
    if (obstacle !== null) this.#fail(obstacle)
    const done = page.deliveries.findIndex((each) => left.has(each))
    return { done: done === -1 ? page.deliveries.length : done, taken: waiting.length - left.size }
  }

  /** Whether this one is the journal's, and may be taken out of it. */
  #isWaiting({ eventId, event }: Delivery, page: Page): boolean {
    if (this.#underWay.has(eventId) || page.isGone(eventId) || this.#held.has(event.serverId)) return false
    return !this.#leaving.passesOver(event.serverId)
  }

  /** Adds a delivery to the casts, or ends it where its server is not here any more. Answers why it has to wait, if it has to. */
  #send(delivery: Delivery, { whereabouts }: Page, casts: CastGatherer): string | null {
    if (this.#parts.isHeld(delivery.cell)) return HELD
    if (whereabouts === null) {
      casts.add(delivery, delivery.cell, null)
      return null
    }
    const way = route(this.host, whereabouts.get(delivery.event.serverId))
    switch (way.kind) {
      case 'cast':
        casts.add(delivery, way.cell, way.instance)
        return null
      case 'moved':
        this.#follow(delivery, way.to)
        return null
      case 'failed':
        this.#steps.end([delivery], () => way)
        return null
      case 'wait':
        if (way.reason !== this.#knownReason) this.#steps.return([delivery], way.reason)
        return way.reason
    }
  }

  /** Lets all that waits for the server of this delivery go where it is. */
  #follow(delivery: Delivery, to: Extract<Route, { readonly kind: 'moved' }>['to']): void {
    const { serverId } = delivery.event
    const follows = this.#parts.follows(serverId)
    const hasLeft = this.#leaving.begin(serverId)
    this.#steps.end(
      [delivery],
      () => ({ kind: 'moved', serverId, to }),
      () => {
        follows.end()
        if (hasLeft()) this.#pass()
        else this.#pump()
      },
    )
  }

  /**
   * Ends those for which newer ones stand. Nothing is cast before that is durable: after a crash they would be pending still, and come
   * behind what stood behind them.
   */
  #merge(waiting: readonly Delivery[], outdated: ReadonlyMap<EventId, EventId>): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#beginMerge(promise)
    const fateOf = ({ eventId }: Delivery) => ({ kind: 'superseded', by: outdated.get(eventId) ?? eventId }) as const
    this.#steps.end(waiting, fateOf, () => {
      this.#merges--
      resolve()
    })
  }

  /** The same for those found in the journal, but for what was taken out of it meanwhile. */
  async #supersede(outdated: readonly Outdated[]): Promise<void> {
    const waiting = outdated.filter(({ eventId }) => !this.#underWay.has(eventId))
    if (waiting.length === 0) return
    const ids = waiting.map(({ eventId }) => eventId)
    this.#underWay.addEnding(ids)
    const durable = this.#steps.supersede(waiting)
    this.#beginMerge(durable)
    await durable
    this.#merges--
    this.ended(ids)
  }

  #beginMerge(durable: Promise<void>): void {
    this.#merges++
    this.#recorded = Promise.all([this.#recorded, durable])
  }

  /**
   * What was not acknowledged in time goes out again. Each first of a server has used up a try, where the host has acknowledged others since: one
   * that says nothing at all may have lost its power, which TCP finds out after a quarter of an hour.
   */
  #sendAgain(late: readonly Late[], isHeardSince: (late: Late) => boolean): void {
    const { limits, timeToLive } = this.#parts
    for (const { delivery } of late) this.#agentMemory.sentAgain(delivery.eventId)
    const reason = `not acknowledged within ${limits.ackTimeoutMs / 1000} s`
    const isOver = ({ delivery }: Late) => timeToLive.expiresAtMs(delivery) <= Date.now()
    const [over, rest] = [late.filter(isOver), late.filter((each) => !isOver(each))]
    const deliveriesOf = (some: readonly Late[]) => some.map(({ delivery }) => delivery)
    this.#steps.expire(deliveriesOf(over))
    const isAtFault = (each: Late) => each.isCause && isHeardSince(each)
    const others = deliveriesOf(rest.filter((each) => !isAtFault(each)))
    const rejected = this.#steps.reject(deliveriesOf(rest.filter(isAtFault)), reason)
    this.#steps.return(others, reason)
    const again = new Map([...others, ...rejected].map((delivery) => [delivery.eventId, delivery]))
    const casts = gatherCasts(this.host)
    for (const { delivery } of rest) {
      const sent = again.get(delivery.eventId)
      if (sent !== undefined) casts.add({ ...sent, attempts: sent.attempts + 1 }, sent.cell, null)
    }
    for (const cast of casts.all) this.#cast(cast)
  }
}

const HELD = 'earlier events of its cell are being located'
