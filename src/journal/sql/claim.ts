import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import type { HostName } from '../../events/event.ts'
import { dialectOf } from './dialect.ts'
import { NOTHING_FOLLOWED } from './follow.ts'
import type { Health } from './health.ts'
import { createPersist } from './persist.ts'
import type { OpenReads } from './read-open.ts'
import type { Replica } from './replica.ts'
import type { Session } from './session.ts'

/** How often one claim tries to take over, and how long it waits in between: not a second in all, for there may be other news. */
const TRIES = 10
const TRY_MS = 100
/** How long after a takeover there may be commits that wait, of those who had not heard of it: they are given up before. */
const UNHEARD_MS = 15_000

export interface ClaimParts {
  readonly database: Database<unknown>
  readonly session: Session
  readonly replica: Replica
  readonly health: Health
  readonly reads: Pick<OpenReads, 'namesOf' | 'hostsOf'>
}

/**
 * Finds hosts that this process was not told of: those of replicas that are gone, those passed on to it, and after an outage of the
 * database, or a commit in doubt, all it has, among which may be what was rejected though it was kept. Two small queries where there is nothing.
 */
export function createClaims({ database: { engine, kysely }, session, replica, health, reads }: ClaimParts) {
  const dialect = dialectOf(engine)
  /** Found, and not yet told. */
  const hostIds = new Set<number>()
  let doubts = health.doubts
  let takeovers = 0
  /** By the monotonic clock. */
  let heardAtMs = 0
  const inherit = createPersist<number, readonly number[] | null>({
    session,
    replica,
    health,
    write: async (db, dead) => ({ answers: [await replica.inherit(db, dead[0] ?? 0)], followed: NOTHING_FOLLOWED }),
    tell: () => {},
  })

  const findPassed = async () => {
    const { rows } = await sql<{ passed: number; host_id: number }>`SELECT passed, host_id FROM passed
      WHERE owner = ${replica.life}`.execute(kysely)
    if (rows.length === 0) return
    for (const { host_id } of rows) hostIds.add(host_id)
    await sql`DELETE FROM passed WHERE ${dialect.isOneOf(
      'passed',
      rows.map(({ passed }) => passed),
    )}`.execute(kysely)
  }
  const findOwn = async () => {
    const { doubts: now } = health
    if (doubts === now) return
    for (const hostId of await reads.hostsOf(replica.life)) hostIds.add(hostId)
    takeovers++
    doubts = now
  }
  /** Tries some more where somebody keeps the dead life just then: under load nearly always some commit does. */
  const takeOver = async () => {
    for (let tries = 1; (await takeOverOnce()) === 'kept' && tries < TRIES; tries++) await sleep(TRY_MS)
  }
  const takeOverOnce = async (): Promise<'done' | 'kept'> => {
    let outcome: 'done' | 'kept' = 'done'
    for (const dead of await replica.findDead()) {
      heardAtMs = Number.POSITIVE_INFINITY
      const [inherited] = await inherit([dead]).finally(() => {
        heardAtMs = performance.now() + UNHEARD_MS
      })
      if (inherited?.kind === 'failed') throw inherited.error
      if (inherited?.answer == null) outcome = 'kept'
      else takeovers++
      for (const hostId of inherited?.answer ?? []) hostIds.add(hostId)
    }
    return outcome
  }
  const claim = async (): Promise<readonly HostName[]> => {
    await takeOver()
    await findPassed()
    await findOwn()
    if (hostIds.size === 0) return []
    const told = [...hostIds]
    const names = await reads.namesOf(told)
    for (const hostId of told) hostIds.delete(hostId)
    return names
  }
  return {
    claim,
    takeOver,
    isUntold: (hostId: number) => hostIds.has(hostId),
    /** Whether something was taken over just now, which those who commit may not know of. */
    hasNews: () => performance.now() < heardAtMs,
    takeovers: () => takeovers,
  }
}
