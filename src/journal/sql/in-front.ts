import type { Kysely } from 'kysely'
import type { Submission } from '../journal.ts'
import { serverHashOf } from './bytes.ts'
import type { Dialect } from './dialect.ts'
import { findOpenPlaces } from './open-deliveries.ts'
import type { Commit } from './repeat-keys.ts'

/** Whether something of an urgent server is open for a host, in front of what is committed now. A hash that two servers share costs a detour. */
export type IsBehind = (submission: Submission, serverHash: number, hostId: number) => boolean

export interface InFrontAbout {
  readonly dialect: Dialect
  /** Where each submission goes. */
  readonly placesOf: (submission: Submission) => readonly { readonly serverHash: number; readonly hostId: number }[]
}

/** Looks in what is committed, and in what the transaction that is open is about to write before each. */
export async function findInFront(
  db: Kysely<unknown>,
  items: readonly Commit[],
  { dialect, placesOf }: InFrontAbout,
): Promise<IsBehind> {
  const urgent = new Map(items.map(({ submission, searches }) => [submission, new Set([...searches.urgent].map(serverHashOf))]))
  const hashes = new Set([...urgent.values()].flatMap((own) => [...own]))
  if (hashes.size === 0) return () => false
  const open = new Set<string>()
  for (const { serverHash, hostId } of await findOpenPlaces(db, dialect, [...hashes])) open.add(`${serverHash} ${hostId}`)
  const behind = new Map<Submission, ReadonlySet<string>>()
  for (const { submission } of items) {
    const places = placesOf(submission).map(({ serverHash, hostId }) => `${serverHash} ${hostId}`)
    behind.set(submission, new Set(places.filter((place) => open.has(place))))
    for (const place of places) open.add(place)
  }
  return (submission, serverHash, hostId) =>
    urgent.get(submission)?.has(serverHash) === true && behind.get(submission)?.has(`${serverHash} ${hostId}`) === true
}
