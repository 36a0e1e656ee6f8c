import { type Kysely, sql } from 'kysely'
import { DatabaseTrouble } from '../../database/trouble.ts'
import type { EventId } from '../../events/event.ts'
import type { Searches, Submission } from '../journal.ts'
import type { RepeatKey } from '../repeats.ts'
import { toBytes } from './bytes.ts'
import { parseId } from './columns.ts'
import { chunksOf, type Dialect } from './dialect.ts'
import { findFirstRequest } from './first-request.ts'
import { TABLES } from './tables.ts'

/** A submission on its way. `key`: what a repeat of it is known by, or it of what it repeats. */
export interface Commit {
  readonly submission: Submission
  readonly key: RepeatKey | null
  readonly searches: Searches
}

/** A key and whose it is. */
interface Claim {
  readonly digest: Buffer
  readonly content: Buffer | null
  /** The first event of the submission that has it. */
  readonly id: EventId
  readonly receivedAtUs: number
}

/** A commit that is none, because another had its key first. */
export type Repeated =
  | { readonly kind: 'repeat'; readonly of: EventId; readonly commit: Commit }
  | { readonly kind: 'taken'; readonly of: EventId; readonly commit: Commit }

export interface RepeatKeysAbout {
  readonly dialect: Dialect
  readonly repeatWindowMs: number
}

/** How often keys are looked at again that vanish before they can be read. */
const MOST_LOOKS = 5

/**
 * Claims the keys of commits in the transaction that is open, and answers those that are repeats; nearly always none, at the cost of
 * one statement. Who claims a key that another transaction is claiming waits for its end: of two replicas one gets it.
 */
export async function claimKeys(
  db: Kysely<unknown>,
  commits: readonly Commit[],
  about: RepeatKeysAbout,
): Promise<readonly Repeated[]> {
  const keyed = commits.filter(({ key }) => key !== null)
  if (keyed.length === 0) return []
  const mine = new Map<string, Claim>()
  for (const { submission, key } of keyed) {
    const [first] = submission.events
    if (key === null || first === undefined || mine.has(key.digest)) continue
    mine.set(key.digest, toClaim(key, first.id, submission.receivedAtUs))
  }
  const owners = await settleClaims(db, mine, keyed, about)
  return keyed.flatMap((commit): Repeated[] => {
    const owner = owners.get(commit.key?.digest ?? '')
    if (owner === undefined || owner.id === commit.submission.events[0]?.id) return []
    const isSame = (owner.content?.toString('hex') ?? null) === (commit.key?.content ?? null)
    return [{ kind: isSame ? 'repeat' : 'taken', of: owner.id, commit }]
  })
}

function toClaim({ digest, content }: RepeatKey, id: EventId, receivedAtUs: number): Claim {
  return { digest: Buffer.from(digest, 'hex'), content: content === null ? null : Buffer.from(content, 'hex'), id, receivedAtUs }
}

/** Whose each key is now. Who had it loses it when the window is over, or when retention has removed what it was. */
async function settleClaims(
  db: Kysely<unknown>,
  mine: ReadonlyMap<string, Claim>,
  keyed: readonly Commit[],
  { dialect, repeatWindowMs }: RepeatKeysAbout,
): Promise<ReadonlyMap<string, Claim>> {
  const times = new Map(keyed.map(({ key, submission }) => [key?.digest ?? '', submission.receivedAtUs]))
  // In one order, so that two replicas with the same keys never wait for each other.
  let open = [...mine.values()].sort((a, b) => Buffer.compare(a.digest, b.digest))
  for (let look = 0; look < MOST_LOOKS; look++) {
    const added = open.length === 0 ? 0 : await dialect.insertNew(db, TABLES.repeatKeys, open.map(toRow), 'digest')
    if (added === times.size) return mine
    const owners = await readClaims(db, dialect, [...times.keys()])
    for (const [name, { digest, id, receivedAtUs }] of owners) {
      const isOver = (times.get(name) ?? 0) - receivedAtUs > repeatWindowMs * 1000
      if (!isOver && (mine.get(name)?.id === id || (await findFirstRequest(db, id)) !== null)) continue
      await sql`DELETE FROM repeat_keys WHERE digest = ${digest} AND received_at = ${receivedAtUs}`.execute(db)
      owners.delete(name)
    }
    open = open.filter(({ digest }) => !owners.has(digest.toString('hex')))
    if (open.length === 0) return owners
  }
  throw new DatabaseTrouble('retry', 'the keys of repeats came and went')
}

function toRow({ digest, content, id, receivedAtUs }: Claim) {
  return [digest, content, toBytes(id), receivedAtUs]
}

async function readClaims(db: Kysely<unknown>, dialect: Dialect, digests: readonly string[]): Promise<Map<string, Claim>> {
  const claims = new Map<string, Claim>()
  for (const chunk of chunksOf(digests)) {
    const { rows } = await sql<{
      digest: Buffer
      content: Buffer | null
      id: Buffer
      received_at: number
    }>`SELECT digest, content, id, received_at FROM repeat_keys
      WHERE ${dialect.isOneOf(
        'digest',
        chunk.map((digest) => Buffer.from(digest, 'hex')),
      )}`.execute(db)
    for (const { digest, content, id, received_at } of rows)
      claims.set(digest.toString('hex'), { digest, content, id: parseId(id), receivedAtUs: Number(received_at) })
  }
  return claims
}
