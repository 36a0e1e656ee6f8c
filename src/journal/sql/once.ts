import type { Kysely } from 'kysely'
import { DatabaseTrouble } from '../../database/trouble.ts'
import type { CommittedOnce } from '../repeats.ts'
import { type CommitAbout, writeSubmissions } from './commit.ts'
import { findFirstRequest } from './first-request.ts'
import type { Written } from './persist.ts'
import { type Commit, claimKeys, type RepeatKeysAbout } from './repeat-keys.ts'
import { TABLES } from './tables.ts'

/** Writes commits in the transaction that is open: what is a repeat is counted, all else kept. */
export async function writeCommits(
  db: Kysely<unknown>,
  commits: readonly Commit[],
  about: CommitAbout & RepeatKeysAbout & { readonly isAgain: boolean },
): Promise<Written<CommittedOnce>> {
  const repeated = await claimKeys(db, commits, about)
  const answers = new Map<Commit, CommittedOnce>()
  const apart = new Set(repeated.map(({ commit }) => commit))
  const fresh = commits.filter((commit) => !apart.has(commit) && commit.submission.events.length > 0)
  const { passedOn, followed } = await writeSubmissions(db, fresh, about)
  for (const [i, commit] of fresh.entries()) answers.set(commit, { kind: 'kept', passedOn: passedOn[i] ?? [] })
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
  return { answers: commits.map((commit) => answers.get(commit) ?? { kind: 'kept', passedOn: [] }), followed }
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
