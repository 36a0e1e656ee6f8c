import type { Kysely } from 'kysely'
import type { HostName } from '../../events/event.ts'
import type { BulkTable, Dialect } from './dialect.ts'
import type { Interner } from './intern.ts'

const HOSTS_SEEN: BulkTable = {
  name: 'hosts',
  columns: [
    ['host_id', 'int'],
    ['host', 'bytea'],
    ['last_seen', 'bigint'],
  ],
}

/** Writes when hosts were heard of. With their numbers, because MySQL spends one on each row that it does not insert. */
export async function writeTouches(
  db: Kysely<unknown>,
  { dialect, interner }: { readonly dialect: Dialect; readonly interner: Interner },
  noted: readonly (readonly [HostName, number])[],
): Promise<void> {
  const numberOf = await interner.hosts.give(noted.map(([host]) => host))
  const rows = noted.map(([host, atUs]) => [numberOf(host), Buffer.from(host), atUs] as const)
  // In one order for all replicas.
  const sorted = rows.toSorted(([a], [b]) => a - b)
  await dialect.insert(db, HOSTS_SEEN, sorted, dialect.orReplace('host_id', ['last_seen']))
}
