import { type Kysely, sql } from 'kysely'
import { DatabaseTrouble } from '../../database/trouble.ts'
import type { EventId } from '../../events/event.ts'
import { STATE_NUMBERS } from '../states.ts'
import { toBytes } from './bytes.ts'
import { parseId } from './columns.ts'
import { type Cell, chunksOf, type Dialect } from './dialect.ts'
import { toText } from './intern.ts'
import { TABLES } from './tables.ts'

/** An open delivery, as it changes. */
export interface OpenDelivery {
  readonly owner: number
  readonly hostId: number
  readonly isAwaited: boolean
  readonly seq: number
  readonly id: Buffer
  readonly serverHash: number
  readonly cell: Buffer | null
  state: number
  attempts: number
  tries: number
  lastError: string | null
  lastErrorAtUs: number | null
  dispatchedAtUs: number | null
  endedAtUs: number | null
  /** `revived`: it had ended, because another stood for it. */
  change: 'none' | 'changed' | 'made' | 'revived'
}

/** Where a delivery is found among those of a batch. */
export const placeOf = (eventId: string, hostId: number | undefined) => `${eventId} ${hostId}`

/** All open deliveries of these events, held until the transaction ends, in an order that all replicas keep. */
export async function holdOpen(
  db: Kysely<unknown>,
  dialect: Dialect,
  ids: readonly EventId[],
): Promise<Map<string, OpenDelivery>> {
  const open = new Map<string, OpenDelivery>()
  for (const chunk of chunksOf([...new Set(ids)].sort())) {
    const { rows } = await sql<OpenRow>`SELECT * FROM open_deliveries
      WHERE ${dialect.isOneOf('id', chunk.map(toBytes))} ORDER BY id, host_id FOR UPDATE`.execute(db)
    for (const row of rows) open.set(placeOf(parseId(row.id), row.host_id), toOpen(row))
  }
  return open
}

/** Where something is open of servers of these hashes. Nothing is held. */
export async function findOpenPlaces(
  db: Kysely<unknown>,
  dialect: Dialect,
  hashes: readonly number[],
): Promise<readonly Pick<OpenDelivery, 'serverHash' | 'hostId'>[]> {
  const found: Pick<OpenDelivery, 'serverHash' | 'hostId'>[] = []
  for (const chunk of chunksOf(hashes)) {
    const { rows } = await sql<{ server_hash: number; host_id: number }>`SELECT server_hash, host_id FROM open_deliveries
      WHERE ${dialect.isOneOf('server_hash', chunk)}`.execute(db)
    for (const { server_hash, host_id } of rows) found.push({ serverHash: server_hash, hostId: host_id })
  }
  return found
}

interface OpenRow {
  readonly owner: number
  readonly host_id: number
  readonly awaited: number
  readonly seq: number
  readonly id: Buffer
  readonly server_hash: number
  readonly cell: Buffer | null
  readonly state: number
  readonly attempts: number
  readonly tries: number
  readonly last_error: string | null
  readonly last_error_at: number | null
  readonly dispatched_at: number | null
}

function toOpen(row: OpenRow): OpenDelivery {
  return {
    owner: row.owner,
    hostId: row.host_id,
    isAwaited: row.awaited === 1,
    seq: row.seq,
    id: row.id,
    serverHash: row.server_hash,
    cell: row.cell,
    state: row.state,
    attempts: row.attempts,
    tries: row.tries,
    lastError: row.last_error,
    lastErrorAtUs: row.last_error_at,
    dispatchedAtUs: row.dispatched_at,
    endedAtUs: null,
    change: 'none',
  }
}

/** A delivery that is made later than its event: it stands where its event stands. */
export function newOpen(
  about: Pick<OpenDelivery, 'owner' | 'hostId' | 'isAwaited' | 'seq' | 'id' | 'serverHash' | 'cell'>,
): OpenDelivery {
  const times = { lastErrorAtUs: null, dispatchedAtUs: null, endedAtUs: null }
  return { ...about, state: STATE_NUMBERS.pending, attempts: 0, tries: 0, lastError: null, ...times, change: 'made' }
}

const CHANGING = ['state', 'attempts', 'tries', 'last_error', 'last_error_at', 'dispatched_at'] as const

/** A delivery that has ended, and may be open again. */
export interface EndedDelivery {
  readonly state: number
  readonly attempts: number
  readonly tries: number
  readonly lastError: string | null
  readonly lastErrorAtUs: number | null
  readonly dispatchedAtUs: number | null
}

/** The deliveries of these events that have ended, by `seq host_id`. */
export async function readEnded(
  db: Kysely<unknown>,
  dialect: Dialect,
  seqs: readonly number[],
): Promise<ReadonlyMap<string, EndedDelivery>> {
  const ended = new Map<string, EndedDelivery>()
  for (const chunk of chunksOf(seqs)) {
    const { rows } = await sql<Omit<OpenRow, 'owner' | 'id' | 'server_hash' | 'awaited'>>`SELECT * FROM deliveries
      WHERE ${dialect.isOneOf('seq', chunk)}`.execute(db)
    for (const row of rows)
      ended.set(`${row.seq} ${row.host_id}`, {
        state: row.state,
        attempts: row.attempts,
        tries: row.tries,
        lastError: row.last_error,
        lastErrorAtUs: row.last_error_at,
        dispatchedAtUs: row.dispatched_at,
      })
  }
  return ended
}

/** One that had ended because another stood for it is open again. */
export function revive(fresh: OpenDelivery, { state: _, ...kept }: EndedDelivery): OpenDelivery {
  return { ...fresh, ...kept, change: 'revived' }
}

/** Writes what changed: what ended goes to `deliveries`, what is open stays where it is. */
export async function writeBack(db: Kysely<unknown>, dialect: Dialect, all: readonly OpenDelivery[]): Promise<void> {
  const changed = all.filter(({ change }) => change !== 'none')
  const ended = changed.filter(({ endedAtUs }) => endedAtUs !== null)
  const open = changed.filter(({ endedAtUs }) => endedAtUs === null)
  for (const { seq, hostId, change } of changed)
    if (change === 'revived') await sql`DELETE FROM deliveries WHERE seq = ${seq} AND host_id = ${hostId}`.execute(db)
  if (ended.length > 0) await dialect.insert(db, TABLES.deliveries, ended.map(toEndedRow))
  await deleteEnded(
    db,
    dialect,
    all.filter(({ change }) => change === 'none' || change === 'changed'),
  )
  if (open.length === 0) return
  const tail = dialect.orReplace('owner, host_id, awaited, seq', CHANGING)
  await dialect.insert(db, TABLES.openDeliveries, open.map(toOpenRow), tail)
}

/** Removes those of the held that ended: by event where all of it has ended, which is nearly always. */
async function deleteEnded(db: Kysely<unknown>, dialect: Dialect, held: readonly OpenDelivery[]): Promise<void> {
  const stillOpen = new Set(held.filter(({ endedAtUs }) => endedAtUs === null).map(({ seq }) => seq))
  const ended = held.filter(({ endedAtUs }) => endedAtUs !== null)
  const whole = ended.filter(({ seq }) => !stillOpen.has(seq))
  let removed = 0
  for (const chunk of chunksOf([...new Set(whole.map(({ id }) => id))])) {
    const { numAffectedRows } = await sql`DELETE FROM open_deliveries WHERE ${dialect.isOneOf('id', chunk)}`.execute(db)
    removed += Number(numAffectedRows ?? 0n)
  }
  // Another one that has come about while these were waited for (its server moved, a replica was gone) is not to go with them.
  if (removed > whole.length) throw new DatabaseTrouble('retry', 'an event got another delivery meanwhile')
  for (const { seq, owner, hostId, isAwaited } of ended) {
    if (!stillOpen.has(seq)) continue
    await sql`DELETE FROM open_deliveries WHERE owner = ${owner} AND host_id = ${hostId} AND awaited = ${isAwaited ? 1 : 0}
      AND seq = ${seq}`.execute(db)
  }
}

/** A row for `open_deliveries`. */
export function toOpenRow(delivery: OpenDelivery): readonly Cell[] {
  const { owner, hostId, isAwaited, seq, id, serverHash, cell, state, attempts, tries } = delivery
  const { lastError, lastErrorAtUs, dispatchedAtUs } = delivery
  const key = [owner, hostId, isAwaited ? 1 : 0, seq]
  return [...key, id, serverHash, cell, state, attempts, tries, toText(lastError), lastErrorAtUs, dispatchedAtUs]
}

function toEndedRow(delivery: OpenDelivery): readonly Cell[] {
  const { seq, hostId, cell, state, attempts, tries, lastError, lastErrorAtUs, dispatchedAtUs, endedAtUs } = delivery
  return [seq, hostId, cell, state, attempts, tries, toText(lastError), lastErrorAtUs, dispatchedAtUs, endedAtUs]
}
