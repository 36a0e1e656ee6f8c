import { type Kysely, sql } from 'kysely'
import type { EventId } from '../../events/event.ts'
import { type EventName, isAwaited } from '../../events/names.ts'
import type { LateLocation } from '../journal.ts'
import { DEFERRAL_NUMBERS } from '../states.ts'
import { hashOf, toBytes } from './bytes.ts'
import { parseId } from './columns.ts'
import type { CommitParts } from './commit.ts'
import { chunksOf, type Dialect } from './dialect.ts'
import { toText } from './intern.ts'
import { newOpen, toOpenRow } from './open-deliveries.ts'
import { findOwners, tellOwners } from './pass-on.ts'
import { keepLife } from './replica.ts'
import { TABLES } from './tables.ts'

interface Waiting {
  readonly seq: number
  readonly id: Buffer
  readonly serverHash: number
  readonly isAwaited: boolean
}

/** Ends deferrals of this life that wait, in the transaction that is open. Those that have ended stay as they are. */
export async function writeLocations(
  db: Kysely<unknown>,
  locations: readonly LateLocation[],
  { dialect, interner, life }: CommitParts & { readonly life: number },
): Promise<void> {
  const waiting = await holdWaiting(db, { dialect, life, ids: locations.map(({ eventId }) => eventId) })
  const numberOf = await interner.hosts.give(locations.flatMap(hostsOf))
  const apply = locations.flatMap((location) => {
    const event = waiting.get(location.eventId)
    // The first to say so is right.
    waiting.delete(location.eventId)
    return event === undefined ? [] : [{ location, event }]
  })
  const places = apply.flatMap(({ location, event: { serverHash } }) =>
    hostsOf(location).map((host) => ({ serverHash, hostId: numberOf(host) })),
  )
  const ownerOf = await findOwners(db, { dialect, kept: await keepLife(db, dialect, life), places })
  const made = apply.flatMap(({ location, event }) =>
    location.kind !== 'located'
      ? []
      : location.destinations.map(({ host, cell }) => {
          const place = { serverHash: event.serverHash, hostId: numberOf(host) }
          return newOpen({ ...event, ...place, owner: ownerOf(place), cell: cell === null ? null : toBytes(cell) })
        }),
  )
  if (made.length > 0) await dialect.insert(db, TABLES.openDeliveries, made.map(toOpenRow))
  for (const { location, event } of apply) {
    const reason = location.kind === 'located' ? sql`reason` : sql`${toText(location.reason)}`
    await sql`UPDATE deferrals SET state = ${DEFERRAL_NUMBERS[location.kind]}, reason = ${reason}, ended_at = ${location.atUs}, owner = NULL
      WHERE seq = ${event.seq}`.execute(db)
  }
  await tellOwners(db, { dialect, life, made })
}

function hostsOf(location: LateLocation) {
  return location.kind === 'located' ? location.destinations.map(({ host }) => host) : []
}

async function holdWaiting(
  db: Kysely<unknown>,
  { dialect, life, ids }: { readonly dialect: Dialect; readonly life: number; readonly ids: readonly EventId[] },
): Promise<Map<EventId, Waiting>> {
  const found = new Map<EventId, Waiting>()
  for (const chunk of chunksOf([...new Set(ids)].sort())) {
    const { rows } = await sql<{ seq: number; id: Buffer; server: Buffer; name: EventName }>`SELECT u.seq, e.id, e.server,
        (SELECT name FROM kinds k WHERE k.kind = e.kind) AS name
      FROM events e JOIN deferrals u ON u.seq = e.seq
      WHERE ${dialect.isOneOf('e.id', chunk.map(toBytes))} AND u.owner = ${life} ORDER BY u.seq FOR UPDATE`.execute(db)
    for (const { seq, id, server, name } of rows)
      found.set(parseId(id), { seq, id, serverHash: hashOf(server), isAwaited: isAwaited(name) })
  }
  return found
}
