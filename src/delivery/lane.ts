import type { Cast, Caster, CastResult } from '../cast/cast.ts'
import type { CellId, EventId, HostName, ServerId, Whereabouts } from '../events/event.ts'
import type { Delivery, DeliveryStep, Journal } from '../journal/journal.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Servers } from '../servers/servers.ts'
import type { Alarm, Alarms } from './alarms.ts'
import { type Backoff, retryDelayMs } from './backoff.ts'
import { CastLine, type CastLineParts } from './cast-line.ts'
import { type CastGatherer, gatherCasts } from './gather-casts.ts'
import type { Recorder } from './recorder.ts'
import { route } from './route.ts'
import { Sweep } from './sweep.ts'
import type { TimeToLive } from './time-to-live.ts'
import type { LaneQueue, Turns } from './turns.ts'
import { UnderWay } from './under-way.ts'

/** What all lanes share. */
export interface LaneParts extends CastLineParts {
  readonly caster: Caster
  readonly journal: Pick<Journal, 'open'>
  readonly servers: Servers
  readonly recorder: Recorder
  readonly alarms: Alarms
  readonly turns: Turns<LaneQueue>
  readonly metrics: Pick<Metrics, 'delivered'>
  readonly limits: LaneLimits
  readonly timeToLive: TimeToLive
  /** Whether what is for this cell has to wait for events that came earlier and are not located yet. */
  isHeld(cell: CellId | null): boolean
  /** Deliveries to these hosts were made of older events. */
  onMoved(hosts: readonly HostName[]): void
  /** Nothing is under way and nothing waits: the lane may be forgotten. */
  onIdle(lane: Lane): void
}

export interface LaneLimits {
  /** Deliveries under way to one host. */
  readonly window: number
  /** How long an agent may take to acknowledge. */
  readonly ackTimeoutMs: number
  readonly retry: Backoff
  /** How often, at most, a host that nobody hears of is searched for deliveries whose time is over. */
  readonly sweepMs: number
}

/** Deliveries of one request that were committed just now, with what is known of it. */
export type Fresh = Omit<Cast, 'host'>

/** What a step says besides which delivery it is of and when. */
type Fate = DeliveryStep extends infer Step
  ? Step extends DeliveryStep
    ? Omit<Step, 'host' | 'eventId' | 'atUs'>
    : never
  : never

/** Casts of all lanes that may wait for their result at the same time: beyond that, what is accepted stays in the journal. */
export const MOST_CASTS = 5000

/** Deliveries read at once; after trouble only a few, to see whether it is over. */
const PAGE = 256
const PROBE = 16

/**
 * The way to one host: its deliveries in the order of their commits, of which those under way are in memory and the rest is in the
 * journal.
 *
 *     clear ──── more than the window has room for ───► behind ──► reads the journal behind its cursor as there is room
 *       │ ▲                                             ▲ │  └──── all is read ──► clear
 *       │ └─ nothing is left                            │ │
 *       │         │         time to retry, reachable:   │ │
 *       │       waiting ── from the journal's beginning ┘ │
 *       │         ▲                                       │
 *       │         └─ all that was under way is back       │
 *       │                    │                            │
 *       └─ a cast fails ─► failing ◄─────── a cast fails ─┘         (the connection to an agent is lost: waiting at once)
 *
 * Only while it is clear does what is accepted go out at once; otherwise it stays in the journal and is read in its turn.
 *
 * Order: results of casts are dealt with in the order of the casts, and when one fails, those of the same server that went out
 * behind it count as not made, whatever became of them: they go out again, behind it. So nothing of a server is ended before what
 * came earlier, and a host that drops repeats sees the events of each server in order.
 */
export class Lane {
  readonly host: HostName
  readonly #parts: LaneParts
  #mode: 'clear' | 'behind' | 'failing' | 'waiting' = 'clear'
  readonly #underWay = new UnderWay()
  readonly #line: CastLine
  readonly #sweep: Sweep
  /** Whose database is asked where servers are; undefined until something of the host was read. */
  #cell: CellId | null | undefined = undefined
  /** The last of the journal that was dealt with while behind. */
  #cursor: EventId | null = null
  /** What the agent says it saw last, while what is open is read for the first time since it came. */
  #lastSeen: EventId | null = null
  /** Something was accepted that the reading under way may not have found. */
  #isMore = false
  #isReading = false
  /** Raised when what is being read is not wanted any more. */
  #epoch = 0
  /** Ended while a page was being read, which may still hold them. */
  readonly #endedMeanwhile = new Set<EventId>()
  /** After trouble the first casts are awaited before more is read. */
  #isProbing = false
  #failures = 0
  /** The servers of which a cast failed, while failing. */
  readonly #failedServers = new Set<ServerId>()
  /** Of the trouble that is, and of the last one: what is in the journal already is not written for every delivery and every try. */
  #reason: string | null = null
  #knownReason: string | null = null
  #isWoken = false
  #retryAlarm: Alarm | null = null
  #ackAlarm: Alarm | null = null

  constructor(host: HostName, parts: LaneParts) {
    this.host = host
    this.#parts = parts
    this.#line = new CastLine(parts, {
      result: ({ deliveries }, result) => this.#settle(deliveries, result),
      settled: () => this.#settled(),
    })
    const { journal, alarms, turns, timeToLive, limits } = parts
    this.#sweep = new Sweep(
      host,
      { journal, alarms, turns, timeToLive, sweepMs: limits.sweepMs },
      { expired: (deliveries) => this.#expire(deliveries), nothingLeft: () => this.#clear() },
    )
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

  /** Something stays in the journal, the first of which expires then. */
  leave(firstExpiresAtMs: number): void {
    this.#isMore = true
    this.#sweep.note(firstExpiresAtMs)
  }

  /** Casts what was accepted just now, as far as there is room. */
  accept(fresh: Fresh): void {
    const room = this.#parts.load.casts < MOST_CASTS ? this.#room() : 0
    // A page that was read before this call may have brought it.
    const [first, ...others] = fresh.deliveries.slice(0, room).filter(({ eventId }) => !this.#underWay.has(eventId))
    if (first !== undefined) this.#cast({ ...fresh, host: this.host, deliveries: [first, ...others] })
    if (fresh.deliveries.length > room) this.rewind()
  }

  /** Reads the journal from its beginning: what is older than all that is under way may have come into it. */
  rewind(): void {
    this.#sweep.note(0)
    if (!this.isWaiting) this.#readFromStart()
  }

  /** It may go better now. */
  wake(): void {
    if (this.#mode === 'waiting') this.#retry()
    else if (this.#mode === 'failing') this.#isWoken = true
  }

  /** An agent is there, and has seen what is open up to this event. */
  connected(lastSeen: EventId | null): void {
    this.#lastSeen = lastSeen
    this.#failures = 0
    if (this.#mode === 'failing') this.#isWoken = true
    else this.#readFromStart()
  }

  /** The agent is gone: what it did not acknowledge will go out again. */
  lost(): void {
    const { all, unacknowledged } = this.#underWay.takeAll()
    this.#line.abandon()
    this.#return(unacknowledged, 'the connection was lost before it was acknowledged')
    for (const delivery of all) this.#sweep.note(this.#parts.timeToLive.expiresAtMs(delivery))
    if (all.length > 0 || this.#mode !== 'clear') this.#wait()
    else this.#pump()
  }

  /** The journal has ended these. */
  ended(ids: readonly EventId[]): void {
    for (const id of ids) {
      this.#underWay.delete(id)
      if (this.#isReading) this.#endedMeanwhile.add(id)
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
        this.#end(failed, ({ eventId }) => ({ kind: 'failed', reason: reasons.get(eventId) ?? '' }))
        this.#taken(deliveries.filter(({ eventId }) => !reasons.has(eventId)))
        break
      }
      case 'away':
      case 'returned':
        for (const { event } of deliveries) this.#failedServers.add(event.serverId)
        this.#giveBack(deliveries)
        if (result.reason !== this.#knownReason) this.#return(deliveries, result.reason)
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
    const isBehindFailed = ({ event }: Delivery) => this.#failedServers.has(event.serverId)
    this.#giveBack(deliveries.filter(isBehindFailed))
    const taken = deliveries.filter((each) => !isBehindFailed(each))
    if (taken.length === 0) return
    const seconds = Date.now() / 1000
    for (const { attempts, receivedAtUs } of taken)
      if (attempts === 0) this.#parts.metrics.delivered(Math.max(seconds - receivedAtUs / 1e6, 0))
    if (this.#mode !== 'failing') {
      this.#failures = 0
      this.#knownReason = null
    }
    if (this.#parts.caster.isFinal) this.#end(taken, () => ({ kind: 'dispatched', isEnd: true }))
    else {
      this.#record(taken, () => ({ kind: 'dispatched', isEnd: false }))
      this.#awaitAcknowledgements(taken)
    }
  }

  /** They are the journal's again, pending as they were. */
  #giveBack(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#underWay.delete(delivery.eventId)
      this.#sweep.note(this.#parts.timeToLive.expiresAtMs(delivery))
    }
  }

  // Trouble, and its end.

  /** Casts nothing more; waits as soon as what is under way is back. */
  #fail(reason: string): void {
    this.#mode = 'failing'
    this.#epoch++
    this.#reason = reason
    if (this.#line.isEmpty) this.#wait()
  }

  #wait(): void {
    this.#mode = 'waiting'
    this.#epoch++
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

  #readFromStart(): void {
    this.#mode = 'behind'
    this.#epoch++
    this.#cursor = null
    this.#isWoken = false
    this.#retryAlarm?.cancel()
    this.#sweep.stop()
    this.#pump()
  }

  #clear(): void {
    this.#mode = 'clear'
    this.#lastSeen = null
    this.#retryAlarm?.cancel()
    this.#sweep.reset()
    this.#pump()
  }

  #isReachable(): boolean {
    return this.#parts.caster.agents?.isConnected(this.host) ?? true
  }

  #room(): number {
    return Math.max(this.#parts.limits.window - this.#underWay.size, 0)
  }

  // Reading what is in the journal.

  /** Goes on with what is to be done now. */
  #pump(): void {
    if (this.#isReading) return
    if (this.#mode === 'clear' && this.#underWay.size === 0 && this.#line.isEmpty) {
      this.#ackAlarm?.cancel()
      this.#ackAlarm = null
      this.#parts.onIdle(this)
    }
    if (this.#mode !== 'behind' || this.#room() === 0 || (this.#isProbing && !this.#line.isEmpty)) return
    if (this.#isReachable()) {
      this.#isReading = true
      this.#parts.turns.take(this.#cell, () => this.#read())
    } else this.#wait()
  }

  async #read(): Promise<void> {
    const epoch = this.#epoch
    this.#endedMeanwhile.clear()
    try {
      if (this.#mode === 'behind') await this.#readPage(epoch)
    } catch (error) {
      if (epoch === this.#epoch) this.#fail(error instanceof Error ? error.message : String(error))
    }
    this.#isReading = false
    this.#pump()
  }

  async #readPage(epoch: number): Promise<void> {
    const { journal, caster, servers } = this.#parts
    const limit = this.#isProbing ? PROBE : PAGE
    this.#isMore = false
    const deliveries = await journal.open(this.host, this.#cursor, limit)
    if (this.#isStranger(deliveries)) return
    const seen = this.#lastSeen === null ? 0 : await this.#countSeen(deliveries, this.#lastSeen)
    const serverIds = new Set(deliveries.map(({ event }) => event.serverId))
    const whereabouts = caster.isFinal && serverIds.size > 0 ? await servers.locate([...serverIds]) : null
    if (epoch !== this.#epoch) return
    const done = this.#deal({ deliveries, seen, whereabouts })
    this.#cursor = deliveries[done - 1]?.eventId ?? this.#cursor
    if (this.#mode === 'behind' && done === deliveries.length && done < limit && !this.#isMore) this.#clear()
  }

  /**
   * Whether it is known only now whose turn this was: a cell that answers slowly must not keep the hosts of others waiting. It is
   * read again in the queue of its cell.
   */
  #isStranger(deliveries: readonly Delivery[]): boolean {
    const [first] = deliveries
    if (!this.#parts.caster.isFinal || first === undefined || first.cell === this.#cell) return false
    this.#cell = first.cell
    this.#isMore = true
    return true
  }

  /** How many of a page stand no further than what the agent saw last: asked after the page was read, so that none is taken for seen. */
  async #countSeen(deliveries: readonly Delivery[], lastSeen: EventId): Promise<number> {
    const [next] = await this.#parts.journal.open(this.host, lastSeen, 1)
    const at = deliveries.findIndex(({ eventId }) => eventId === next?.eventId)
    return at === -1 ? deliveries.length : at
  }

  /** Deals with as many of a page as there is room for, and answers how many. */
  #deal(page: Page): number {
    const nowMs = Date.now()
    const casts = gatherCasts(this.host)
    let obstacle: string | null = null
    let room = this.#room()
    let done = 0
    for (const delivery of page.deliveries) {
      if (room === 0 || obstacle !== null) break
      const isSeen = done++ < page.seen
      if (this.#underWay.has(delivery.eventId) || this.#endedMeanwhile.has(delivery.eventId)) continue
      room--
      if (this.#parts.timeToLive.expiresAtMs(delivery) <= nowMs) this.#expire([delivery])
      // Only what is known to have left: one whose time was over let others pass, and a clock that is set back gives it time again.
      else if (isSeen && delivery.attempts > 0) this.#awaitAcknowledgements([delivery])
      else obstacle = this.#send(delivery, page, casts)
    }
    if (casts.all.length === 0) this.#isProbing = false
    for (const cast of casts.all) this.#cast(cast)
    if (obstacle !== null) this.#fail(obstacle)
    return done
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
        this.#end(
          [delivery],
          () => way,
          () => this.#parts.onMoved(way.to.map(({ host }) => host)),
        )
        return null
      case 'failed':
        this.#end([delivery], () => way)
        return null
      case 'wait':
        if (way.reason !== this.#knownReason) this.#return([delivery], way.reason)
        return way.reason
    }
  }

  // Acknowledgements.

  #awaitAcknowledgements(deliveries: readonly Delivery[]): void {
    const dueMs = performance.now() + this.#parts.limits.ackTimeoutMs
    for (const delivery of deliveries) this.#underWay.awaitAcknowledgement(delivery, dueMs)
    this.#armAckAlarm(dueMs)
  }

  /** One alarm a lane: when it rings, it is set to the next that is due. */
  #armAckAlarm(dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) return
    this.#ackAlarm ??= this.#parts.alarms.after(dueMs - performance.now(), () => {
      this.#ackAlarm = null
      this.#sendAgain(this.#underWay.takeLate(performance.now()))
      this.#armAckAlarm(this.#underWay.nextDueMs())
    })
  }

  #sendAgain(late: readonly Delivery[]): void {
    this.#return(late, `not acknowledged within ${this.#parts.limits.ackTimeoutMs / 1000} s`)
    const nowMs = Date.now()
    const casts = gatherCasts(this.host)
    for (const delivery of late) {
      if (this.#parts.timeToLive.expiresAtMs(delivery) <= nowMs) this.#expire([delivery])
      else casts.add({ ...delivery, attempts: delivery.attempts + 1 }, delivery.cell, null)
    }
    for (const cast of casts.all) this.#cast(cast)
  }

  // Words for the journal.

  #return(deliveries: readonly Delivery[], reason: string): void {
    this.#record(deliveries, () => ({ kind: 'returned', reason }))
  }

  #expire(deliveries: readonly Delivery[]): void {
    this.#end(deliveries, (delivery) => ({ kind: 'expired', reason: this.#parts.timeToLive.expiryReason(delivery) }))
  }

  /** Ends deliveries. Until that is durable they are under way, so that nobody takes them out of the journal again. */
  #end(deliveries: readonly Delivery[], fateOf: (delivery: Delivery) => Fate, onDurable?: () => void): void {
    this.#underWay.add(deliveries)
    this.#record(deliveries, fateOf, () => {
      this.ended(deliveries.map(({ eventId }) => eventId))
      onDurable?.()
    })
  }

  #record(deliveries: readonly Delivery[], fateOf: (delivery: Delivery) => Fate, onDurable?: () => void): void {
    if (deliveries.length === 0) return
    const atUs = Date.now() * 1000
    const steps = deliveries.map((each) => ({ host: this.host, eventId: each.eventId, atUs, ...fateOf(each) }))
    this.#parts.recorder.record(steps, onDurable)
  }
}

/** Open deliveries as they were read. */
interface Page {
  readonly deliveries: readonly Delivery[]
  /** How many of them, from the first, an agent has seen before. */
  readonly seen: number
  /** Null where casts go to the host that was found when it was accepted. */
  readonly whereabouts: ReadonlyMap<ServerId, Whereabouts> | null
}

const HELD = 'earlier events of its cell are being located'
