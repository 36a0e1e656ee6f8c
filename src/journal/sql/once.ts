import type { Kysely } from 'kysely'
import { DatabaseTrouble } from '../../database/trouble.ts'
import type { Followed } from '../journal.ts'
import type { CommittedOnce } from '../repeats.ts'
import { type CommitAbout, writeSubmissions } from './commit.ts'
import { findFirstRequest } from './first-request.ts'
import { NOTHING_FOLLOWED } from './follow.ts'
import { type Commit, claimKeys, type RepeatKeysAbout } from './repeat-keys.ts'
import { TABLES } from './tables.ts'

/** Writes commits in the transaction that is open: what is a repeat is counted, all else kept. An answer for each, in its place. */
export async function writeCommits(
  db: Kysely<unknown>,
  commits: readonly Commit[],
  about: CommitAbout & RepeatKeysAbout & { readonly isAgain: boolean },
): Promise<readonly CommittedWith[]> {
  const repeated = await claimKeys(db, commits, about)
  const answers = new Map<Commit, CommittedOnce>()
  const apart = new Set(repeated.map(({ commit }) => commit))
  const fresh = commits.filter((commit) => !apart.has(commit) && commit.submission.events.length > 0)
  const written = fresh.length === 0 ? [] : await writeSubmissions(db, fresh, about)
  for (const [i, commit] of fresh.entries()) answers.set(commit, { kind: 'kept', passedOn: written[i]?.passedOn ?? [] })
  const followed = written[0]?.followed ?? NOTHING_FOLLOWED
  // Behind what is fresh: it may be what is repeated.
  const counts = new Map<number, Count>()
  for (const { kind, of, commit } of repeated) {
    const found = await findFirstRequest(db, of)
    if (found === null) throw new DatabaseTrouble('retry', 'what a repeat repeats was removed meanwhile')
    const { parts, ...first } = found
    answers.set(commit, kind === 'repeat' ? { kind, first } : { kind, requestId: first.requestId })
    if (kind === 'repeat') for (const part of parts) addTo(counts, part, commit.submission.receivedAtUs)
  }
  if (counts.size > 0) await writeCounts(db, about, counts)
  return commits.map((commit, i) => ({
    committed: answers.get(commit) ?? { kind: 'kept', passedOn: [] },
    followed: i === 0 ? followed : NOTHING_FOLLOWED,
  }))
}

/** What became of a commit; with the first of a transaction, what followed the servers of all. */
export interface CommittedWith {
  readonly committed: CommittedOnce
  readonly followed: Followed
}

interface Count {
  readonly times: number
  readonly lastAtUs: number
}

function addTo(counts: Map<number, Count>, request: number, atUs: number): void {
  const { times, lastAtUs } = counts.get(request) ?? { times: 0, lastAtUs: 0 }
  counts.set(request, { times: times + 1, lastAtUs: Math.max(lastAtUs, atUs) })
}

/** In the order of their numbers, so that two replicas never wait for each other. */
async function writeCounts(db: Kysely<unknown>, { dialect }: RepeatKeysAbout, counts: ReadonlyMap<number, Count>): Promise<void> {
  const rows = [...counts].sort(([a], [b]) => a - b).map(([request, { times, lastAtUs }]) => [request, times, lastAtUs])
  await dialect.insert(db, TABLES.repeats, rows, dialect.orCount)
}
