import { type Kysely, sql } from 'kysely'
import type { HostName, ServerId } from '../../events/event.ts'
import { type EventName, isAwaited } from '../../events/names.ts'
import {
  describeMove,
  type EndedByMove,
  type Followed,
  GONE_REASONS,
  PARKED_EXPIRED,
  PARKED_UNKNOWN,
  type Placement,
} from '../journal.ts'
import { changeOf, DEFERRAL_NUMBERS, STATE_NUMBERS } from '../states.ts'
import { fromBytes, serverHashOf, toBytes } from './bytes.ts'
import { parseHost, parseId } from './columns.ts'
import type { CommitParts } from './commit.ts'
import { chunksOf, type Dialect } from './dialect.ts'
import { findOpenPlaces, holdOpen, newOpen, type OpenDelivery, placeOf, readEnded, revive, writeBack } from './open-deliveries.ts'
import { findOwners, tellOwners } from './pass-on.ts'
import type { Commit } from './repeat-keys.ts'
import type { KeptLife } from './replica.ts'

export interface FollowAbout extends CommitParts {
  readonly kept: KeptLife
}

export const NOTHING_FOLLOWED: Followed = { hosts: [], ended: [] }

/** An event of one of the servers, that waits for a host or has deliveries that are open. */
interface Follower {
  readonly seq: number
  readonly id: Buffer
  readonly isAwaited: boolean
  readonly placement: Placement
}

interface FollowerRow {
  readonly seq: number
  readonly id: Buffer
  readonly server: Buffer
  readonly name: EventName
}

interface Waiting {
  readonly seq: number
  readonly state: number
  readonly keep_until: number | null
}

/** Lets all that waits follow these servers, in the transaction that is open, whoever owns it. */
export async function followServers(
  db: Kysely<unknown>,
  placements: ReadonlyMap<ServerId, Placement>,
  { dialect, interner, kept }: FollowAbout,
): Promise<Followed> {
  const followers = await findFollowers(db, dialect, placements)
  if (followers.size === 0) return NOTHING_FOLLOWED
  const waiting = await holdWaiting(db, dialect, [...followers.keys()])
  const ids = [...followers.values()].map(({ id }) => parseId(id))
  await holdOpen(db, dialect, ids)
  // A statement that waited does not find what has come about meanwhile: a delivery made for another host, or taken over on MySQL.
  const open = await holdOpen(db, dialect, ids)
  const numberOf = await interner.hosts.give([...followers.values()].flatMap(({ placement }) => hostsOf(placement)))
  const places = [...followers.values()].flatMap(({ placement }) =>
    hostsOf(placement).map((host) => ({ serverHash: serverHashOf(placement.serverId), hostId: numberOf(host) })),
  )
  const ownerOf = await findOwners(db, { dialect, kept, places })
  const endedBefore = await readEnded(db, dialect, [...followers.keys()])
  const openBySeq = Map.groupBy(open.values(), ({ seq }) => seq)
  const ends: DeferralEnd[] = []
  const endedNow: { readonly delivery: OpenDelivery; readonly kind: EndedByMove['kind']; readonly atUs: number }[] = []
  const made: OpenDelivery[] = []

  for (const { seq, id, isAwaited: awaited, placement } of followers.values()) {
    const row = waiting.get(seq)
    const end = row === undefined ? null : endOf(row, placement)
    if (end !== null) ends.push(end)
    const here = openBySeq.get(seq) ?? []
    const hostIds = new Set(hostsOf(placement).map(numberOf))
    for (const delivery of here) {
      if (hostIds.has(delivery.hostId)) continue
      endOpen(delivery, placement)
      endedNow.push({ delivery, kind: placement.kind === 'located' ? 'moved' : 'failed', atUs: placement.atUs })
    }
    if (placement.kind !== 'located' || (end?.state !== DEFERRAL_NUMBERS.located && here.length === 0)) continue
    for (const { host, cell } of placement.destinations) {
      const place = { serverHash: serverHashOf(placement.serverId), hostId: numberOf(host) }
      if (open.has(placeOf(parseId(id), place.hostId))) continue
      const before = endedBefore.get(`${seq} ${place.hostId}`)
      if (before !== undefined && before.state !== STATE_NUMBERS.left) continue
      const fresh = newOpen({
        seq,
        id,
        isAwaited: awaited,
        ...place,
        owner: ownerOf(place),
        cell: cell === null ? null : toBytes(cell),
      })
      made.push(before === undefined ? fresh : revive(fresh, before))
    }
  }
  await writeBack(db, dialect, [...open.values(), ...made])
  await endDeferrals(db, dialect, ends)
  await tellOwners(db, { dialect, life: kept.life, made })
  const names = await namesOf(db, dialect, [...made, ...endedNow.map(({ delivery }) => delivery)])
  const nameOf = ({ hostId }: OpenDelivery) => names.get(hostId) as HostName
  return {
    hosts: [...new Set(made.filter(({ owner }) => owner === kept.life).map(nameOf))],
    ended: endedNow.map(({ delivery, kind, atUs }) => ({ kind, host: nameOf(delivery), eventId: parseId(delivery.id), atUs })),
  }
}

/**
 * Lets what waits for the servers of these submissions go where they go, and stand before them: events without a host, and deliveries
 * for hosts that the servers have left. Those are looked for where the server is said to be a stray, or other replicas may have some.
 */
export async function bringAlong(
  db: Kysely<unknown>,
  accepted: readonly Pick<Commit, 'submission' | 'searches'>[],
  about: FollowAbout,
): Promise<Followed> {
  const { dialect, interner, kept } = about
  const placements = new Map<ServerId, Extract<Placement, { kind: 'located' }>>()
  const strays = new Set<ServerId>()
  const said = new Set<ServerId>()
  for (const { submission, searches } of accepted) {
    const { strays: saidOfThis } = searches
    for (const id of saidOfThis) said.add(id)
    for (const { event, outcome } of submission.events) {
      if (outcome.kind !== 'accepted') continue
      const [first, ...others] = outcome.destinations
      if (first === undefined) continue
      const { serverId } = event
      placements.set(serverId, { kind: 'located', serverId, destinations: [first, ...others], atUs: submission.receivedAtUs })
      if (!kept.isAlone || saidOfThis.has(serverId)) strays.add(serverId)
    }
  }
  const suspects = new Set<number>()
  /** Where something of a stray is open already, of which nobody may have been told yet. */
  const untold = new Set<HostName>()
  if (kept.isAnyWaiting) {
    for (const chunk of chunksOf([...placements.keys()].map(serverHashOf))) {
      const { rows } = await sql<{ server_hash: number }>`SELECT server_hash FROM deferrals
        WHERE ${dialect.isOneOf('server_hash', chunk)}`.execute(db)
      for (const { server_hash } of rows) suspects.add(server_hash)
    }
  }
  if (strays.size > 0) {
    const numberOf = await interner.hosts.find([...placements.values()].flatMap(hostsOf))
    const homes = new Map(
      [...strays].map((id) => {
        const hosts = hostsOf(placements.get(id))
        return [serverHashOf(id), { hosts, hostIds: hosts.map(numberOf), isStray: said.has(id) }] as const
      }),
    )
    for (const { serverHash, hostId } of await findOpenPlaces(db, dialect, [...homes.keys()])) {
      const home = homes.get(serverHash)
      const at = home?.hostIds.indexOf(hostId) ?? -1
      // Where it begins to move it has several, and what is open may not be for all of them.
      if (at === -1 || (home?.hosts.length ?? 0) > 1) suspects.add(serverHash)
      if (at !== -1 && home?.isStray) untold.add(home.hosts[at] as HostName)
    }
  }
  if (suspects.size === 0) return { hosts: [...untold], ended: [] }
  const followers = [...placements].filter(([serverId]) => suspects.has(serverHashOf(serverId)))
  const { hosts, ended } = await followServers(db, new Map(followers), about)
  return { hosts: [...new Set([...hosts, ...untold])], ended }
}

function hostsOf(placement: Placement | undefined): readonly HostName[] {
  return placement?.kind === 'located' ? placement.destinations.map(({ host }) => host) : []
}

/** The events of these servers that something is left of, by their numbers and in their order. Nothing is held yet. */
async function findFollowers(
  db: Kysely<unknown>,
  dialect: Dialect,
  placements: ReadonlyMap<ServerId, Placement>,
): Promise<ReadonlyMap<number, Follower>> {
  const found = new Map<number, Follower>()
  for (const chunk of chunksOf([...new Set([...placements.keys()].map(serverHashOf))])) {
    for (const table of ['deferrals', 'open_deliveries'] as const) {
      const { rows } = await sql<FollowerRow>`SELECT ${dialect.inOrder} e.seq, e.id, e.server, k.name
        FROM ${sql.table(table)} w JOIN events e ON e.seq = w.seq JOIN kinds k ON k.kind = e.kind WHERE ${dialect.isOneOf('w.server_hash', chunk)}`.execute(
        db,
      )
      for (const { seq, id, server, name } of rows) {
        const placement = placements.get(fromBytes(server) as ServerId)
        if (placement !== undefined) found.set(seq, { seq, id, isAwaited: isAwaited(name), placement })
      }
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}

async function holdWaiting(
  db: Kysely<unknown>,
  dialect: Dialect,
  seqs: readonly number[],
): Promise<ReadonlyMap<number, Waiting>> {
  const held = new Map<number, Waiting>()
  for (const chunk of chunksOf(seqs)) {
    const { rows } = await sql<Waiting>`SELECT seq, state, keep_until FROM deferrals
      WHERE ${dialect.isOneOf('seq', chunk)} AND owner IS NOT NULL ORDER BY seq FOR UPDATE`.execute(db)
    for (const row of rows) held.set(row.seq, row)
  }
  return held
}

interface DeferralEnd {
  readonly seq: number
  readonly state: number
  /** Null: the one that is there stays. */
  readonly reason: string | null
  readonly atUs: number
}

/** How a deferral ends now; null where it waits on. */
function endOf({ seq, state, keep_until }: Waiting, { kind, atUs }: Placement): DeferralEnd | null {
  const isOver = state === DEFERRAL_NUMBERS.parked && (keep_until ?? 0) <= atUs
  if (isOver) return { seq, state: DEFERRAL_NUMBERS.expired, reason: PARKED_EXPIRED, atUs }
  if (kind === 'located') return { seq, state: DEFERRAL_NUMBERS.located, reason: null, atUs }
  if (kind === 'unknown') return { seq, state: DEFERRAL_NUMBERS.refused, reason: PARKED_UNKNOWN, atUs }
  // What waits to be located waits on: only who asks for it knows until when it may be parked.
  return null
}

async function endDeferrals(db: Kysely<unknown>, dialect: Dialect, ends: readonly DeferralEnd[]): Promise<void> {
  const alike = Map.groupBy(ends, ({ state, atUs }) => `${state} ${atUs}`)
  for (const group of alike.values()) {
    for (const chunk of chunksOf(group)) {
      const [{ state, reason, atUs }] = chunk as [DeferralEnd]
      const seqs = chunk.map(({ seq }) => seq)
      await sql`UPDATE deferrals SET state = ${state}, reason = ${reason === null ? sql`reason` : sql`${reason}`}, ended_at = ${atUs},
        owner = NULL, server_hash = NULL WHERE ${dialect.isOneOf('seq', seqs)}`.execute(db)
    }
  }
}

function endOpen(delivery: OpenDelivery, placement: Placement): void {
  const change = changeOf(delivery.state, placement.kind === 'located' ? 'moved' : 'failed')
  if (change === null) return
  delivery.change = 'changed'
  delivery.state = change.number
  delivery.lastError = placement.kind === 'located' ? describeMove(placement.destinations) : GONE_REASONS[placement.kind]
  delivery.lastErrorAtUs = placement.atUs
  delivery.endedAtUs = placement.atUs
}

async function namesOf(
  db: Kysely<unknown>,
  dialect: Dialect,
  deliveries: readonly OpenDelivery[],
): Promise<ReadonlyMap<number, HostName>> {
  const names = new Map<number, HostName>()
  for (const chunk of chunksOf([...new Set(deliveries.map(({ hostId }) => hostId))])) {
    const { rows } = await sql<{ host_id: number; host: Buffer }>`SELECT host_id, host FROM hosts
      WHERE ${dialect.isOneOf('host_id', chunk)}`.execute(db)
    for (const { host_id, host } of rows) names.set(host_id, parseHost(host))
  }
  return names
}
