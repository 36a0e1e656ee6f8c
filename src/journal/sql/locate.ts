import { type Kysely, sql } from 'kysely'
import type { EventId, ServerId } from '../../events/event.ts'
import { type Followed, type LateLocation, PARKED_EXPIRED, type Placement } from '../journal.ts'
import { DEFERRAL_NUMBERS } from '../states.ts'
import { fromBytes, toBytes } from './bytes.ts'
import { parseId, parseNumber } from './columns.ts'
import type { CommitParts } from './commit.ts'
import { chunksOf, type Dialect } from './dialect.ts'
import { followServers } from './follow.ts'
import { toText } from './intern.ts'
import { keepLife } from './replica.ts'

interface Waiting {
  readonly seq: number
  readonly serverId: ServerId
}

/**
 * Ends deferrals of this life that wait, or parks them, in the transaction that is open. Those that have ended stay as they are. All that
 * waits for a server that is located goes with it.
 */
export async function writeLocations(
  db: Kysely<unknown>,
  locations: readonly LateLocation[],
  { dialect, interner, life }: CommitParts & { readonly life: number },
): Promise<Followed> {
  const kept = await keepLife(db, dialect, life)
  const waiting = await holdWaiting(db, { dialect, life, ids: locations.map(({ eventId }) => eventId) })
  const apply = locations.flatMap((location) => {
    const event = waiting.get(location.eventId)
    // The first to say so is right.
    waiting.delete(location.eventId)
    return event === undefined ? [] : [{ location, event }]
  })
  const placements = new Map<ServerId, Placement>()
  for (const { location, event } of apply) {
    if (location.kind === 'located') placements.set(event.serverId, { ...location, serverId: event.serverId })
    else if (location.kind === 'parked')
      await sql`UPDATE deferrals SET state = ${DEFERRAL_NUMBERS.parked}, reason = ${toText(location.reason)}, keep_until = ${location.untilUs}
        WHERE seq = ${event.seq}`.execute(db)
    else
      await sql`UPDATE deferrals SET state = ${DEFERRAL_NUMBERS[location.kind]}, reason = ${toText(location.reason)},
        ended_at = ${location.atUs}, owner = NULL, server_hash = NULL WHERE seq = ${event.seq}`.execute(db)
  }
  return followServers(db, placements, { dialect, interner, kept })
}

/** Ends what this life has parked no longer than until then. Answers until when the next one is; null: none is left. */
export async function writeExpired(db: Kysely<unknown>, atUs: number, life: number): Promise<number | null> {
  await sql`UPDATE deferrals SET state = ${DEFERRAL_NUMBERS.expired}, reason = ${PARKED_EXPIRED}, ended_at = ${atUs}, owner = NULL,
    server_hash = NULL WHERE owner = ${life} AND state = ${DEFERRAL_NUMBERS.parked} AND keep_until <= ${atUs}`.execute(db)
  const { rows } = await sql<{ next: number | null }>`SELECT min(keep_until) AS next FROM deferrals
    WHERE owner = ${life} AND state = ${DEFERRAL_NUMBERS.parked}`.execute(db)
  return parseNumber(rows[0]?.next)
}

async function holdWaiting(
  db: Kysely<unknown>,
  { dialect, life, ids }: { readonly dialect: Dialect; readonly life: number; readonly ids: readonly EventId[] },
): Promise<Map<EventId, Waiting>> {
  const found = new Map<EventId, Waiting>()
  for (const chunk of chunksOf([...new Set(ids)].sort())) {
    const { rows } = await sql<{ seq: number; id: Buffer; server: Buffer }>`SELECT u.seq, e.id, e.server
      FROM events e JOIN deferrals u ON u.seq = e.seq WHERE ${dialect.isOneOf('e.id', chunk.map(toBytes))} AND u.owner = ${life}
      AND u.state = ${DEFERRAL_NUMBERS.waiting} ORDER BY u.seq FOR UPDATE`.execute(db)
    for (const { seq, id, server } of rows) found.set(parseId(id), { seq, serverId: fromBytes(server) as ServerId })
  }
  return found
}
