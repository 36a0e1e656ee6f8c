import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import type { Log } from '../../observe/log.ts'
import { type BulkTable, type Dialect, dialectOf } from './dialect.ts'
import type { Health } from './health.ts'

/**
 * How replicas share a journal.
 *
 *     born ──beats each second──► alive ──no beat for 5 s, another takes all that it owns──► gone
 *       ▲                           └──close()──► released: another takes all at once          │
 *       └──────────────────────── notices at its next beat or commit ◄────────────────────────┘
 *
 * A process is one life after another, each with a number of its own: what it owned in a life that was taken for dead is never its
 * again. A beat is a time by the database's clock. Silence is that time being old, and no other being seen for as long: a database
 * may jump to another machine's clock. Who was out of touch judges nobody: after an outage of the database all beats are old.
 */
export interface Replica {
  /** The number of the life that is lived now: the owner of what is committed. */
  readonly life: number
  /** Begins another life, unless that of this number is over already. */
  renew(life: number): Promise<void>
  /** Lives that are over and whose deliveries nobody has taken yet. */
  findDead(): Promise<readonly number[]>
  /** Takes all that a dead replica owned. Answers the hosts with deliveries among it; null when another was faster. */
  inherit(db: Kysely<unknown>, dead: number): Promise<readonly number[] | null>
  /** Ends the life: what it owns may be taken. */
  release(): Promise<void>
}

/** How often a replica shows that it lives, and after how long a silence it is taken for dead. */
export const BEAT_MS = 1000
export const DEAD_MS = 5000
/** Beats further apart than this mean that the replica was out of touch. */
const TOUCH_MS = 2500
const OUTAGE_BEAT_MS = 250
/** The last beat of a replica that was closed. */
const RELEASED = 0

export interface ReplicaOptions {
  readonly database: Database<unknown>
  /** For an operator who looks at the table. */
  readonly name: string
  readonly health: Health
  readonly log: Log
}

/** Begins a life and keeps it beating. Rejects with `DatabaseTrouble`. */
export async function createReplica({ database, name, health, log }: ReplicaOptions): Promise<Replica> {
  const { kysely } = database
  const dialect = dialectOf(database.engine)
  let life = await beginLife(kysely, dialect, name)
  let beatAtMs = performance.now()
  let inTouchSinceMs = beatAtMs
  let isReleased = false
  let renewing: Promise<void> | null = null

  const renew = async (of: number) => {
    if (of !== life || isReleased) return
    renewing ??= beginLife(kysely, dialect, name).then(
      (next) => {
        log.warn({ was: life, is: next }, 'this replica was taken for dead; what it had to deliver is now delivered by another')
        life = next
        renewing = null
      },
      (error: unknown) => {
        renewing = null
        throw error
      },
    )
    await renewing
  }
  const beat = async () => {
    const lived = life
    const { numAffectedRows } = await sql`UPDATE heartbeats SET seen_at = ${dialect.nowUs} WHERE replica = ${lived}`.execute(
      kysely,
    )
    if (numAffectedRows === 0n) await renew(lived)
    const nowMs = performance.now()
    if (nowMs - beatAtMs > TOUCH_MS) inTouchSinceMs = nowMs
    beatAtMs = nowMs
    health.up()
  }
  let beating = Promise.resolve()
  const keepBeating = () => {
    beating = beat()
      .catch((error: unknown) => health.down(error))
      .then(() => {
        if (!isReleased) timer = setTimeout(keepBeating, health.reason === null ? BEAT_MS : OUTAGE_BEAT_MS)
      })
  }
  let timer = setTimeout(keepBeating, BEAT_MS)

  const isInTouch = () => {
    const nowMs = performance.now()
    return nowMs - beatAtMs < TOUCH_MS && nowMs - inTouchSinceMs > DEAD_MS
  }
  const watch = createWatch()
  return {
    get life() {
      return life
    },
    renew,
    findDead: async () => {
      const { rows } = await sql<{ replica: number; seen_at: number; silent: number }>`
        SELECT replica, seen_at, ${dialect.nowUs} - seen_at AS silent FROM heartbeats WHERE replica <> ${life}`.execute(kysely)
      const silent = watch(new Map(rows.map(({ replica, seen_at }) => [replica, seen_at])))
      const isDead = (row: { replica: number; silent: number }) =>
        row.silent > DEAD_MS * 1000 && silent.has(row.replica) && isInTouch()
      return rows.filter((row) => row.seen_at === RELEASED || isDead(row)).map(({ replica }) => replica)
    },
    inherit: async (db, dead) => {
      await keepLife(db, dialect, life)
      const { rows } = await sql`SELECT r.replica FROM replicas r JOIN heartbeats h ON h.replica = r.replica
        WHERE r.replica = ${dead} AND h.seen_at < ${dialect.nowUs} - ${DEAD_MS * 1000} FOR UPDATE SKIP LOCKED`.execute(db)
      if (rows.length === 0) return null
      const hosts = await sql<{ host_id: number }>`SELECT DISTINCT host_id FROM open_deliveries WHERE owner = ${dead}`.execute(db)
      await sql`UPDATE open_deliveries SET owner = ${life} WHERE owner = ${dead}`.execute(db)
      await sql`UPDATE deferrals SET owner = ${life} WHERE owner = ${dead}`.execute(db)
      await sql`DELETE FROM passed WHERE owner = ${dead}`.execute(db)
      await sql`DELETE FROM heartbeats WHERE replica = ${dead}`.execute(db)
      await sql`DELETE FROM replicas WHERE replica = ${dead}`.execute(db)
      return hosts.rows.map(({ host_id }) => host_id)
    },
    release: async () => {
      isReleased = true
      clearTimeout(timer)
      await beating
      await sql`UPDATE heartbeats SET seen_at = ${RELEASED} WHERE replica = ${life}`.execute(kysely)
    },
  }
}

/** Tells of the beats seen now which have not changed for as long as makes a replica dead. */
function createWatch() {
  let watched = new Map<number, { readonly seenAt: number; readonly sinceMs: number }>()
  return (beats: ReadonlyMap<number, number>): ReadonlySet<number> => {
    const nowMs = performance.now()
    const before = watched
    watched = new Map()
    for (const [replica, seenAt] of beats) {
      const known = before.get(replica)
      watched.set(replica, known?.seenAt === seenAt ? known : { seenAt, sinceMs: nowMs })
    }
    return new Set([...watched].filter(([, { sinceMs }]) => nowMs - sinceMs > DEAD_MS).map(([replica]) => replica))
  }
}

const REPLICAS: BulkTable = {
  name: 'replicas',
  columns: [
    ['name', 'text'],
    ['started_at', 'bigint'],
  ],
}

async function beginLife(kysely: Kysely<unknown>, dialect: Dialect, name: string): Promise<number> {
  return kysely.transaction().execute(async (db) => {
    const [life = 0] = await dialect.insertNumbered(db, REPLICAS, [[name, Date.now() * 1000]], { by: 'replica', step: 1 })
    await sql`INSERT INTO heartbeats (replica, seen_at) VALUES (${life}, ${dialect.nowUs})`.execute(db)
    return life
  })
}

/** This life was taken for dead: begin another and do the transaction again. */
export class LifeOver extends Error {
  override readonly name = 'LifeOver'
  readonly life: number

  constructor(life: number) {
    super('this replica was taken for dead')
    this.life = life
  }
}

/** A life that nobody takes for dead before the transaction ends. */
export interface KeptLife {
  readonly life: number
  /** There is no other replica. */
  readonly isAlone: boolean
  /** Whether events of anybody wait for a host. */
  readonly isAnyWaiting: boolean
  /** The dialect's `numberStep`, as it is now. */
  readonly numberStep: number
}

/** Keeps this life until the transaction ends; throws `LifeOver` where it is over already. */
export async function keepLife(db: Kysely<unknown>, dialect: Dialect, life: number): Promise<KeptLife> {
  const { rows } = await sql<{
    lives: number
    waiting: number
    step: number
  }>`SELECT (SELECT count(*) FROM replicas) AS lives, ${dialect.numberStep} AS step,
      (SELECT count(*) FROM (SELECT 1 FROM deferrals WHERE owner IS NOT NULL LIMIT 1) AS w) AS waiting
    FROM replicas WHERE replica = ${life} ${dialect.keep}`.execute(db)
  if (rows[0] === undefined) throw new LifeOver(life)
  return { life, isAlone: rows[0].lives === 1, isAnyWaiting: rows[0].waiting > 0, numberStep: rows[0].step }
}
