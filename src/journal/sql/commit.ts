import { type Kysely, sql } from 'kysely'
import type { EventId, HostName } from '../../events/event.ts'
import { isAwaited } from '../../events/names.ts'
import { type DecidedEvent, type Followed, PARKED_REASON, type PassedOn, type Sender, type Submission } from '../journal.ts'
import { DEFERRAL_NUMBERS } from '../states.ts'
import { keyOf, serverHashOf, toBytes, toRequestBytes } from './bytes.ts'
import { bucketOf, firstSeqOf, MAX_EVENTS, parseHost, parseId } from './columns.ts'
import { type Cell, chunksOf, type Dialect } from './dialect.ts'
import { bringAlong, NOTHING_FOLLOWED } from './follow.ts'
import { findInFront } from './in-front.ts'
import { type Interner, type Kind, toText } from './intern.ts'
import { newOpen, toOpenRow } from './open-deliveries.ts'
import { findOwners, findUntold, type OwnerOf, tellOwners } from './pass-on.ts'
import type { Commit } from './repeat-keys.ts'
import { keepLife } from './replica.ts'
import { TABLES } from './tables.ts'

export interface CommitParts {
  readonly dialect: Dialect
  readonly interner: Interner
}

/** The numbers of all texts that a batch needs. */
interface Numbers {
  host(host: HostName): number
  kind(kind: Kind): number
  sender(sender: Sender): number
}

/** A submission, or a part of one that is too large for one number, with the number it was given. */
interface Part {
  readonly request: number
  readonly submission: Submission
  readonly events: readonly DecidedEvent[]
}

/** A delivery as it is committed. */
interface NewDelivery {
  readonly eventId: EventId
  readonly host: HostName
  readonly owner: number
  readonly hostId: number
  readonly serverHash: number
  readonly row: readonly Cell[]
}

/** Whose the deliveries are to be, and what this process has not told its engine of. */
export interface CommitAbout extends CommitParts {
  readonly life: number
  /** Whether open deliveries to this host were found that have not been told of. */
  readonly isUntold: (hostId: number) => boolean
  /** Whether this life has just taken over what another left: what is to be searched was said without knowing of that. */
  readonly hasNews: () => boolean
}

/**
 * Writes submissions in the transaction that is open, each as the deliveries of this life, and answers which are not. `isAgain`: some
 * may be there already, from a try of which nobody knows what became.
 */
export async function writeSubmissions(
  db: Kysely<unknown>,
  items: readonly Commit[],
  about: CommitAbout & { readonly isAgain: boolean },
): Promise<Committed> {
  const submissions = items.map(({ submission }) => submission)
  const kept = about.isAgain ? await findKept(db, submissions, about) : new Map<Submission, readonly PassedOn[]>()
  const fresh = items.filter(({ submission }) => !kept.has(submission))
  const { passed, followed } = await writeFresh(db, fresh, about)
  return { passedOn: submissions.map((submission) => kept.get(submission) ?? passed.get(submission) ?? []), followed }
}

export interface Committed {
  /** Of each submission, in its place. */
  readonly passedOn: readonly (readonly PassedOn[])[]
  readonly followed: Followed
}

async function writeFresh(
  db: Kysely<unknown>,
  items: readonly Commit[],
  { dialect, interner, life, isUntold, hasNews }: CommitAbout,
): Promise<{ readonly passed: ReadonlyMap<Submission, readonly PassedOn[]>; readonly followed: Followed }> {
  if (items.length === 0) return { passed: new Map(), followed: NOTHING_FOLLOWED }
  const submissions = items.map(({ submission }) => submission)
  const numbers = await giveNumbers(interner, submissions)
  const alive = await keepLife(db, dialect, life)
  const kept = hasNews() ? { ...alive, isAlone: false } : alive
  const followed = await bringAlong(db, items, { dialect, interner, kept })
  const older = new Set(followed.hosts)
  const placesIn = new Map(submissions.map((submission) => [submission, placesOf(submission, numbers)]))
  const placesOfEach = (submission: Submission) => placesIn.get(submission) ?? []
  const isBehind = await findInFront(db, items, { dialect, placesOf: placesOfEach })
  const ownerOf = await findOwners(db, { dialect, kept, places: submissions.flatMap(placesOfEach) })
  const untold = await findUntold(db, kept)
  const parts = await writeRequests(db, { dialect, numbers, step: kept.numberStep }, submissions)
  const ids = parts.flatMap(toRequestIds)
  await dialect.insert(db, TABLES.requestIds, ids)
  await dialect.insert(
    db,
    TABLES.events,
    parts.flatMap((part) => toEvents(part, numbers)),
  )
  const deliveries = new Map(parts.map((part) => [part, toDeliveries(part, numbers, ownerOf)]))
  const made = [...deliveries.values()].flat()
  const rows = made.map(({ row }) => row)
  if (rows.length > 0) await dialect.insert(db, TABLES.openDeliveries, rows)
  const deferrals = parts.flatMap((part) => toDeferrals(part, life))
  if (deferrals.length > 0) await dialect.insert(db, TABLES.deferrals, deferrals)
  const replays = parts.flatMap(toReplays)
  if (replays.length > 0) await dialect.insert(db, TABLES.replays, replays)
  await tellOwners(db, { dialect, life, made })
  const passed = new Map<Submission, readonly PassedOn[]>()
  for (const [{ submission }, all] of deliveries) {
    const told = all.flatMap(({ eventId, host, hostId, owner, serverHash }): PassedOn[] => {
      if (owner !== life) return [{ eventId, host, kind: 'elsewhere' }]
      if (older.has(host) || untold.has(hostId) || isUntold(hostId)) return [{ eventId, host, kind: 'untold' }]
      return isBehind(submission, serverHash, hostId) ? [{ eventId, host, kind: 'behind' }] : []
    })
    if (told.length > 0) passed.set(submission, [...(passed.get(submission) ?? []), ...told])
  }
  return { passed, followed }
}

async function giveNumbers({ hosts, kinds, senders }: Interner, submissions: readonly Submission[]): Promise<Numbers> {
  const events = submissions.flatMap((submission) => submission.events)
  return {
    host: await hosts.give(events.flatMap((event) => destinationsOf(event).map(({ host }) => host))),
    kind: await kinds.give(events.map(({ event }) => event)),
    sender: await senders.give(submissions.map(({ sender }) => sender)),
  }
}

function destinationsOf({ outcome }: DecidedEvent) {
  return outcome.kind === 'accepted' ? outcome.destinations : []
}

function placesOf({ events }: Submission, numbers: Numbers) {
  return events.flatMap((decided) => {
    const destinations = destinationsOf(decided)
    const serverHash = destinations.length === 0 ? 0 : serverHashOf(decided.event.serverId)
    return destinations.map(({ host }) => ({ serverHash, hostId: numbers.host(host) }))
  })
}

/**
 * Numbers the requests: by the database, in the order in which replicas come, so that a request that is sent after another was
 * answered has the greater number, whichever replicas they reached. One statement gives its rows ascending numbers.
 */
async function writeRequests(
  db: Kysely<unknown>,
  { dialect, numbers, step }: { readonly dialect: Dialect; readonly numbers: Numbers; readonly step: number },
  submissions: readonly Submission[],
): Promise<readonly Part[]> {
  const parts = submissions.flatMap((submission) =>
    chunksOf(submission.events, MAX_EVENTS).map((events) => ({ submission, events })),
  )
  const rows = parts.map(({ submission, events }) => [
    events.length,
    submission.receivedAtUs,
    toRequestBytes(submission.requestId),
    submission.globalRequestId === null ? null : toRequestBytes(submission.globalRequestId),
    numbers.sender(submission.sender),
    submission.microversion,
  ])
  const given = await dialect.insertNumbered(db, TABLES.requests, rows, { by: 'request', step })
  return parts.map((part, i) => ({ ...part, request: given[i] ?? Number.NaN }))
}

function toRequestIds({ request, submission: { requestId, globalRequestId } }: Part): readonly Cell[][] {
  const ids = new Set(globalRequestId === null ? [requestId] : [requestId, globalRequestId])
  return [...ids].map((id) => [bucketOf(request), keyOf(toRequestBytes(id)), request])
}

function toEvents({ request, events }: Part, numbers: Numbers): readonly Cell[][] {
  const first = firstSeqOf(request)
  const bucket = bucketOf(request)
  return events.map(({ id, event, outcome }, i) => [
    first + i,
    toBytes(id),
    bucket,
    toBytes(event.serverId),
    numbers.kind(event),
    event.tag === null ? null : toBytes(event.tag),
    outcome.code,
  ])
}

function toDeliveries({ request, events }: Part, numbers: Numbers, ownerOf: OwnerOf): readonly NewDelivery[] {
  const first = firstSeqOf(request)
  return events.flatMap((decided, i) => {
    const destinations = destinationsOf(decided)
    if (destinations.length === 0) return []
    const eventId = decided.id
    const id = toBytes(eventId)
    const awaited = isAwaited(decided.event.name)
    const serverHash = serverHashOf(decided.event.serverId)
    return destinations.map(({ host, cell }) => {
      const hostId = numbers.host(host)
      const owner = ownerOf({ serverHash, hostId })
      const where = cell === null ? null : toBytes(cell)
      const delivery = newOpen({ owner, hostId, isAwaited: awaited, seq: first + i, id, serverHash, cell: where })
      return { eventId, host, owner, hostId, serverHash, row: toOpenRow(delivery) }
    })
  })
}

function toDeferrals({ request, events }: Part, life: number): readonly Cell[][] {
  const { waiting, parked } = DEFERRAL_NUMBERS
  return events.flatMap(({ event, outcome }, i): readonly Cell[][] => {
    const about = [firstSeqOf(request) + i, serverHashOf(event.serverId)]
    if (outcome.kind === 'deferred') return [[...about, toBytes(outcome.cell), waiting, toText(outcome.reason), null, life]]
    return outcome.kind === 'parked' ? [[...about, null, parked, PARKED_REASON, outcome.untilUs, life]] : []
  })
}

function toReplays({ request, events }: Part): readonly Cell[][] {
  return events.flatMap(({ replay }, i) =>
    replay === undefined ? [] : [[firstSeqOf(request) + i, toBytes(replay.of), toRequestBytes(replay.run)]],
  )
}

/** Which submissions are there already, with their open deliveries: those of this life may stand behind others by now. */
async function findKept(
  db: Kysely<unknown>,
  submissions: readonly Submission[],
  { dialect, life }: CommitParts & { readonly life: number },
): Promise<Map<Submission, readonly PassedOn[]>> {
  const kept = new Map<Submission, PassedOn[]>()
  const byId = new Map(submissions.flatMap((submission) => submission.events.map(({ id }) => [id, submission] as const)))
  for (const chunk of chunksOf([...byId.keys()])) {
    const ids = chunk.map(toBytes)
    const there = await sql<{ id: Buffer }>`SELECT id FROM events WHERE ${dialect.isOneOf('id', ids)}`.execute(db)
    for (const { id } of there.rows) {
      const submission = byId.get(parseId(id))
      if (submission !== undefined && !kept.has(submission)) kept.set(submission, [])
    }
    const open = await sql<{
      id: Buffer
      host: Buffer
      owner: number
    }>`SELECT o.id, h.host, o.owner FROM open_deliveries o JOIN hosts h ON h.host_id = o.host_id
      WHERE ${dialect.isOneOf('o.id', ids)}`.execute(db)
    for (const { id, host, owner } of open.rows) {
      const eventId = parseId(id)
      const submission = byId.get(eventId)
      if (submission !== undefined)
        kept.get(submission)?.push({ eventId, host: parseHost(host), kind: owner === life ? 'untold' : 'elsewhere' })
    }
  }
  return kept
}
