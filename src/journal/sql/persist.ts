import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseTrouble, toTrouble } from '../../database/trouble.ts'
import { type Followed, JournalUnavailable } from '../journal.ts'
import type { Settled } from './batches.ts'
import type { Health } from './health.ts'
import { LifeOver, type Replica } from './replica.ts'
import type { Session } from './session.ts'

/** How long what was under way when the database went is tried again. Longer, and senders have given up. */
const OUTAGE_MS = 10_000
const AGAIN_MS = 100
/** How often a transaction is tried again that lost against others. */
const MOST_LOST = 20

/** What a transaction did. */
export interface Written<Answer> {
  /** One for each item, in its place. */
  readonly answers: readonly Answer[]
  readonly followed: Followed
}

export interface PersistOptions<Item, Answer> {
  readonly session: Session
  readonly replica: Pick<Replica, 'renew'>
  readonly health: Health
  /** Does the items in the transaction that is open. `isAgain`: an earlier try of them may have been committed. */
  write(
    db: Parameters<Parameters<Session['transaction']>[0]>[0],
    items: readonly Item[],
    isAgain: boolean,
  ): Promise<Written<Answer>>
  /** Hears what followed its server, once for each transaction, before the answers are given. */
  readonly tell: (followed: Followed) => void
}

/** Since the database went in the middle of a transaction. */
interface Outage {
  /** Until when it is tried again; 0: not at all. */
  deadlineMs: number
  failures: number
  /** A try may have been committed though nobody heard of it. */
  isInDoubt: boolean
}

/**
 * Writes items in one transaction that is on disk when this resolves; a result for each.
 *
 *     trouble                   what is done
 *     lost to another, or its   the whole transaction again, at once
 *       life was over
 *     the database went         again when it is back, for 10 s: nobody knows whether the transaction was committed. Then,
 *                               or at other trouble, it is rejected, and may have been kept all the same: `claim` finds it
 *     it was away to begin with, is full, refuses: all rejected at once
 *     an item cannot be kept    halves, down to that item, which alone is rejected
 */
export function createPersist<Item, Answer>(options: PersistOptions<Item, Answer>) {
  const { session, replica, health } = options

  /** Connects, as soon as the database is there again where something is under way; at once or not at all where nothing is. */
  const connect = async (until: Outage): Promise<void> => {
    for (;;) {
      try {
        return await session.connect()
      } catch (error) {
        health.down(error)
        if (performance.now() >= until.deadlineMs) throw error
        await health.recovered(until.deadlineMs - performance.now())
      }
    }
  }
  const attempt = async (items: readonly Item[]): Promise<Written<Answer>> => {
    const outage = { deadlineMs: 0, failures: 0, isInDoubt: false }
    for (let lost = 0; ; ) {
      await connect(outage)
      let isWritten = false
      try {
        const written = await session.transaction(async (db) => {
          const done = await options.write(db, items, outage.failures > 0)
          isWritten = true
          return done
        })
        health.wrote()
        // What that try took over or let follow its server is not found a second time: nobody was told of it.
        if (outage.isInDoubt) health.doubt()
        return written
      } catch (error) {
        outage.isInDoubt ||= isWritten && isOf('away', error)
        if (error instanceof LifeOver) await replica.renew(error.life)
        else if (isLost(error, outage) && ++lost < MOST_LOST) await sleep(Math.random() * 10 * lost)
        else if (!isOf('away', error) || !(await waits(outage, error))) {
          if (outage.failures > 0) health.doubt()
          throw error
        }
      }
    }
  }
  /** Waits before the next try, which the first time is at once: often only the connection was old. Answers whether there is one. */
  const waits = async (outage: Outage, error: unknown): Promise<boolean> => {
    if (++outage.failures === 1) {
      outage.deadlineMs = performance.now() + OUTAGE_MS
      return true
    }
    health.down(error)
    await sleep(AGAIN_MS)
    return performance.now() < outage.deadlineMs
  }
  const persist = async (items: readonly Item[]): Promise<readonly Settled<Answer>[]> => {
    try {
      const { answers, followed } = await attempt(items)
      options.tell(followed)
      return answers.map((answer) => ({ kind: 'done', answer }))
    } catch (error) {
      const isOfAnItem = error instanceof DatabaseTrouble && (error.kind === 'duplicate' || error.kind === 'wrong')
      if (isOfAnItem && items.length > 1) {
        const middle = Math.ceil(items.length / 2)
        return [...(await persist(items.slice(0, middle))), ...(await persist(items.slice(middle)))]
      }
      if (error instanceof DatabaseTrouble && !isOfAnItem && error.kind !== 'away') health.refused(error)
      const failed: Settled<Answer> = { kind: 'failed', error: toUnavailable(error) }
      return items.map(() => failed)
    }
  }
  return persist
}

/** Found there what an earlier try had left to be committed: the next try will see it. */
function isLost(error: unknown, outage: Outage): boolean {
  return isOf('retry', error) || (outage.failures > 0 && isOf('duplicate', error))
}

function isOf(kind: DatabaseTrouble['kind'], error: unknown): boolean {
  return toTrouble(error).kind === kind
}

/** Trouble with the database, in this part's word. */
export function toUnavailable(error: unknown): JournalUnavailable {
  const message = error instanceof Error ? error.message : String(error)
  return new JournalUnavailable(`the journal's database: ${message}`, { cause: error })
}
