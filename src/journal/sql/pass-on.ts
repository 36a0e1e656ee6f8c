import { type Kysely, sql } from 'kysely'
import { DatabaseTrouble } from '../../database/trouble.ts'
import { type Cell, chunksOf, type Dialect } from './dialect.ts'
import type { KeptLife } from './replica.ts'
import { TABLES } from './tables.ts'

/** A delivery that is to become open: of which server (by hash), to which host. */
export interface Place {
  readonly serverHash: number
  readonly hostId: number
}

/** Says who is to make a delivery. */
export type OwnerOf = (place: Place) => number

/**
 * Who is to make new deliveries: this life, unless another replica has an earlier one of the same server and host that is open. It
 * must not be overtaken, so that one gets the new delivery too, whether it lives (it is told by `passed`) or is dead (whoever takes
 * what it left takes both). Nobody takes from an owner found here before the transaction ends. A hash that two servers share costs
 * a detour and no more.
 *
 * Two events of one server that two replicas accept in the same moment have no order, and a third goes to the owner of the later.
 */
export async function findOwners(
  db: Kysely<unknown>,
  { dialect, kept, places }: { readonly dialect: Dialect; readonly kept: KeptLife; readonly places: readonly Place[] },
): Promise<OwnerOf> {
  const { life, isAlone } = kept
  if (isAlone || places.length === 0) return () => life
  const owners = new Map<string, number>()
  for (const chunk of chunksOf([...new Set(places.map(({ serverHash }) => serverHash))])) {
    const { rows } = await sql<{ server_hash: number; host_id: number; owner: number }>`
      SELECT server_hash, host_id, owner FROM open_deliveries
      WHERE ${dialect.isOneOf('server_hash', chunk)} AND owner <> ${life} ORDER BY seq`.execute(db)
    for (const row of rows) owners.set(`${row.server_hash} ${row.host_id}`, row.owner)
  }
  const found = new Set(places.flatMap(({ serverHash, hostId }) => owners.get(`${serverHash} ${hostId}`) ?? []))
  await keepAll(db, dialect, [...found])
  return ({ serverHash, hostId }) => owners.get(`${serverHash} ${hostId}`) ?? life
}

/** Hosts of which another replica passed deliveries on to this life, which was not told of them yet. */
export async function findUntold(db: Kysely<unknown>, { life, isAlone }: KeptLife): Promise<ReadonlySet<number>> {
  if (isAlone) return NONE
  const { rows } = await sql<{ host_id: number }>`SELECT host_id FROM passed WHERE owner = ${life}`.execute(db)
  return new Set(rows.map(({ host_id }) => host_id))
}

const NONE: ReadonlySet<number> = new Set()

async function keepAll(db: Kysely<unknown>, dialect: Dialect, owners: readonly number[]): Promise<void> {
  if (owners.length === 0) return
  const { rows } = await sql`SELECT replica FROM replicas WHERE ${dialect.isOneOf('replica', owners)}
    ORDER BY replica ${dialect.keep}`.execute(db)
  if (rows.length < owners.length) throw new DatabaseTrouble('retry', 'what a replica left was taken just now')
}

/** Tells other replicas of what they are to make. */
export async function tellOwners(
  db: Kysely<unknown>,
  {
    dialect,
    life,
    made,
  }: { readonly dialect: Dialect; readonly life: number; readonly made: readonly { owner: number; hostId: number }[] },
): Promise<void> {
  const passed = new Map<string, readonly Cell[]>()
  for (const { owner, hostId } of made) if (owner !== life) passed.set(`${owner} ${hostId}`, [owner, hostId])
  if (passed.size > 0) await dialect.insert(db, TABLES.passed, [...passed.values()])
}
