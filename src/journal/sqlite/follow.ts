import type { DatabaseSync } from 'node:sqlite'
import { type EventName, isAwaited } from '../../events/names.ts'
import { describeMove, type EndedByMove, GONE_REASONS, PARKED_EXPIRED, PARKED_UNKNOWN } from '../journal.ts'
import { changeOf, DEFERRAL_NUMBERS, STATE_NUMBERS, TRANSITIONS } from '../states.ts'
import { type Column, fromUuidColumn } from './columns.ts'
import { BUCKET_SHIFT, NEXT_BUCKET } from './database.ts'
import type { Interner } from './intern.ts'
import type { WireDestination, WireFollowed, WirePlace } from './protocol.ts'
import type { Tally } from './tally.ts'

/** Where a server is now, and since when this is known. */
export interface Found {
  readonly place: WirePlace
  readonly atUs: number
}

/**
 * Which open deliveries of a server are looked for: none, all, or those of events before this one, which is committed now. In front of it
 * stands also what is open where the server is, of which nobody may have been told yet.
 */
export type Search = 'none' | 'all' | { readonly before: number }

/** Lets what waits follow its server, inside the transaction that is open. */
export interface Follower {
  /** Whether events of this server wait for a host. */
  waits(server: Column): boolean
  /** Everything of this server that has no host yet, and of its open deliveries what the search finds. */
  follow(server: Column, found: Found, search: Search): void
  /** This event alone, which was given the hosts that its server had a moment ago. */
  followEvent(seq: number, found: Found): void
  /** Notes where something of its server is open in front of this event, which is committed now; `fronts` are its submission's. */
  lookInFront(event: NewEvent, fronts: Fronts): void
  /** What followed, and what is behind something, since it was last taken. */
  take(): WireFollowed
  /** An event that waits for a host was added. */
  deferred(): void
  /** So many wait no longer. */
  ended(events: number): void
  /** To be called after a rollback. */
  reset(): void
}

/** An event that is committed now, and where it goes. */
export interface NewEvent {
  readonly seq: number
  readonly id: string
  readonly serverId: string
  readonly server: Column
  readonly destinations: readonly WireDestination[]
  /** Where it goes in the end: its server may have moved a moment ago. */
  readonly opened: readonly WireDestination[]
}

/**
 * Whether something of a server is open for a host in front of what comes next in a submission, as far as it was asked: each server and
 * host is looked for once, for a thousand events of one server would each go through all that it has open.
 */
export type Fronts = Map<string, Map<string, boolean>>

/** How a delivery ends. */
interface End {
  readonly kind: EndedByMove['kind']
  readonly reason: string
  readonly atUs: number
}

interface OpenDelivery {
  readonly hostId: number
  readonly host: string
  readonly state: number
}

/**
 * A server's open deliveries have no index of their own, which would cost every event a tenth more: they are found by way of the
 * events of the server in each bucket that has open deliveries of anybody. One seek a bucket: 2 µs where all is well, 0.2 ms where a
 * million events wait.
 */
export function createFollower(db: DatabaseSync, intern: Interner, tally: Tally): Follower {
  const { parked, located, refused, expired } = DEFERRAL_NUMBERS
  const countWaiting = db.prepare(
    'SELECT count(*) AS waiting FROM deferrals INDEXED BY deferrals_by_server WHERE ended_at IS NULL',
  )
  const findWaiting = db.prepare('SELECT seq FROM deferrals INDEXED BY deferrals_by_server WHERE server = ? AND ended_at IS NULL')
  const findDeferral = db.prepare('SELECT state, keep_until FROM deferrals WHERE seq = ? AND ended_at IS NULL')
  const endDeferral = db.prepare('UPDATE deferrals SET state = ?, reason = coalesce(?, reason), ended_at = ? WHERE seq = ?')
  const nextBucket = db.prepare(NEXT_BUCKET)
  const findInBucket = db.prepare(`SELECT seq FROM events INDEXED BY events_by_server
    WHERE seq >> ${BUCKET_SHIFT} = ? AND server = ?`)
  const findInFront = db.prepare(`SELECT 1 FROM events AS e INDEXED BY events_by_server JOIN deliveries AS d USING (seq)
    WHERE e.seq >> ${BUCKET_SHIFT} = ? AND e.server = ? AND e.seq < ? AND d.host_id = ? AND d.state < 2 LIMIT 1`)
  const findOpen = db.prepare(`SELECT d.host_id, h.host, d.state FROM deliveries AS d JOIN hosts AS h USING (host_id)
    WHERE d.seq = ? AND d.state < 2`)
  const findId = db.prepare('SELECT id FROM events WHERE seq = ?')
  const endDelivery = db.prepare(`UPDATE deliveries SET state = ?, last_error = ?, last_error_at = ?, ended_at = ?
    WHERE seq = ? AND host_id = ?`)
  const add = createAdder(db, intern, tally)
  /** Events that wait for a host, of all servers: mostly none, and then nobody is looked up. */
  let waitingCount = Number(countWaiting.get()?.['waiting'])
  let hosts = new Set<string>()
  let ended: (readonly [EndedByMove['kind'], string, string, number])[] = []
  let behind: (readonly [string, string])[] = []

  const openOf = (seq: number): readonly OpenDelivery[] =>
    findOpen.all(seq).map((row) => ({
      hostId: Number(row['host_id']),
      host: String(row['host']),
      state: Number(row['state']),
    }))
  const end = (seq: number, { hostId, host, state }: OpenDelivery, { kind, reason, atUs }: End) => {
    const change = changeOf(state, kind)
    if (change === null) return
    endDelivery.run(change.number, reason, atUs, atUs, seq, hostId)
    tally.add(hostId, state === STATE_NUMBERS.pending ? -1 : 0, state === STATE_NUMBERS.dispatched ? -1 : 0)
    ended.push([kind, host, fromUuidColumn(findId.get(seq)?.['id'] as Column), atUs])
  }
  /** Whether the event goes to where its server is located, now that it waited for a host. */
  const endWaiting = (seq: number, { place: [kind], atUs }: Found): boolean => {
    const row = findDeferral.get(seq)
    if (row === undefined) return false
    const isOver = row['state'] === parked && Number(row['keep_until']) <= atUs
    if (isOver) endDeferral.run(expired, PARKED_EXPIRED, atUs, seq)
    else if (kind === 'located') endDeferral.run(located, null, atUs, seq)
    else if (kind === 'unknown') endDeferral.run(refused, PARKED_UNKNOWN, atUs, seq)
    // What waits to be located waits on: only who asks for it knows until when it may be parked.
    else return false
    waitingCount--
    return kind === 'located' && !isOver
  }
  const followEvent = (seq: number, found: Found) => {
    const { place, atUs } = found
    const [kind, destinations] = place
    const open = openOf(seq)
    const isWanted = endWaiting(seq, found) || open.length > 0
    if (kind !== 'located') {
      for (const each of open) end(seq, each, { kind: 'failed', reason: GONE_REASONS[kind], atUs })
      return
    }
    if (!isWanted) return
    const names = new Set(destinations.map(([host]) => host))
    const reason = describe(destinations)
    for (const each of open) if (!names.has(each.host)) end(seq, each, { kind: 'moved', reason, atUs })
    for (const destination of destinations) if (add(seq, destination)) hosts.add(destination[0])
  }
  /** All buckets that have open deliveries of anybody. */
  function* openBuckets(): Generator<number> {
    for (let from = 0; ; from++) {
      const bucket = nextBucket.get(from)?.['bucket']
      if (bucket === undefined) return
      from = Number(bucket)
      yield from
    }
  }
  const eventsOf = (server: Column): readonly number[] =>
    [...openBuckets()].flatMap((bucket) => findInBucket.all(bucket, server).map((row) => Number(row['seq'])))
  const isInFront = (server: Column, host: string, before: number): boolean => {
    const hostId = intern.host(host)
    for (const bucket of openBuckets()) if (findInFront.get(bucket, server, before, hostId) !== undefined) return true
    return false
  }
  return {
    waits: (server) => waitingCount > 0 && findWaiting.get(server) !== undefined,
    follow: (server, found, search) => {
      if (waitingCount > 0) for (const row of findWaiting.all(server)) followEvent(Number(row['seq']), found)
      if (search === 'none') return
      const before = search === 'all' ? Number.POSITIVE_INFINITY : search.before
      for (const seq of eventsOf(server)) {
        if (seq >= before) continue
        followEvent(seq, found)
        if (search !== 'all') for (const { host } of openOf(seq)) hosts.add(host)
      }
    },
    followEvent,
    lookInFront: ({ seq, id, server, serverId, destinations, opened }, fronts) => {
      const front = fronts.get(serverId) ?? new Map<string, boolean>()
      fronts.set(serverId, front)
      for (const [host] of destinations) {
        const isTaken = front.get(host) ?? isInFront(server, host, seq)
        front.set(host, isTaken)
        if (isTaken) behind.push([host, id])
      }
      for (const [host] of opened) front.set(host, true)
    },
    take: () => {
      if (hosts.size === 0 && ended.length === 0 && behind.length === 0) return null
      const followed = { hosts: [...hosts], ended, behind }
      hosts = new Set()
      ended = []
      behind = []
      return followed
    },
    deferred: () => {
      waitingCount++
    },
    ended: (events) => {
      waitingCount -= events
    },
    reset: () => {
      hosts = new Set()
      ended = []
      behind = []
      waitingCount = Number(countWaiting.get()?.['waiting'])
    },
  }
}

function describe(destinations: readonly WireDestination[]): string {
  return describeMove(destinations.map(([host]) => ({ host })))
}

/**
 * Adds a pending delivery to an event that is there, unless the host has one of it; one that another stood for meanwhile is open
 * again. It stands where its event stands, so that the events of a server are read in the order of their commits by whichever host
 * gets them. Answers whether there is one more.
 */
function createAdder(db: DatabaseSync, intern: Interner, tally: Tally) {
  const findName = db.prepare('SELECT name FROM events JOIN kinds USING (kind) WHERE seq = ?')
  const back = STATE_NUMBERS[TRANSITIONS.left.cameBack]
  const add =
    db.prepare(`INSERT INTO deliveries (seq, host_id, cell, awaited, state) VALUES (?, ?, ?, ?, ${STATE_NUMBERS.pending})
    ON CONFLICT DO UPDATE SET state = ${back}, cell = excluded.cell, ended_at = NULL WHERE state = ${STATE_NUMBERS.left}`)
  return (seq: number, [host, cell]: WireDestination): boolean => {
    const hostId = intern.host(host)
    const name = findName.get(seq)?.['name'] as EventName
    if (Number(add.run(seq, hostId, cell, isAwaited(name) ? 1 : 0).changes) === 0) return false
    tally.add(hostId, 1, 0)
    return true
  }
}
