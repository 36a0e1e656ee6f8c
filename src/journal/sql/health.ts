import type { Log } from '../../observe/log.ts'

/** Whether the database answers, as the last who asked found it. */
export interface Health {
  /** Why nothing can be asked of it now; null where it can. */
  readonly reason: string | null
  /** How often something may have been kept of which nobody was told: it was away and came back, or a commit was in doubt. */
  readonly doubts: number
  /**
   * Why the last write was refused by a database that answers (no room, no right); null where it was not. Also null when that is some seconds
   * ago: whether it is over shows with the next write.
   */
  readonly refusal: string | null
  up(): void
  down(error: unknown): void
  /** A transaction was committed. */
  wrote(): void
  refused(error: unknown): void
  /** An earlier try of a write may have been committed, and what it did was told to nobody. */
  doubt(): void
  /** Resolves when it is up again, or after so long. */
  recovered(withinMs: number): Promise<void>
}

/** How long a refusal stands for those that would come next. */
const REFUSAL_MS = 5000

export function createHealth(log: Log): Health {
  let reason: string | null = null
  let refusal: { readonly reason: string; readonly atMs: number } | null = null
  let doubts = 0
  const waiting = new Set<() => void>()
  const up = () => {
    if (reason === null) return
    reason = null
    doubts++
    log.info("the journal's database is back")
    for (const end of waiting) end()
  }
  return {
    get reason() {
      return reason
    },
    get doubts() {
      return doubts
    },
    get refusal() {
      return refusal !== null && performance.now() - refusal.atMs < REFUSAL_MS ? refusal.reason : null
    },
    up,
    wrote: () => {
      if (refusal !== null) log.info("the journal's database can be written again")
      refusal = null
      up()
    },
    refused: (error) => {
      const next = messageOf(error)
      if (refusal === null) log.error({ reason: next }, "the journal's database cannot be written; requests are answered 503")
      refusal = { reason: next, atMs: performance.now() }
    },
    doubt: () => {
      doubts++
    },
    down: (error) => {
      const next = messageOf(error)
      if (reason === null)
        log.error({ reason: next }, "the journal's database cannot be used; requests are answered 503 until it is back")
      reason = next
    },
    recovered: (withinMs) =>
      new Promise((resolve) => {
        if (reason === null) return resolve()
        const end = () => {
          clearTimeout(timer)
          waiting.delete(end)
          resolve()
        }
        const timer = setTimeout(end, withinMs)
        waiting.add(end)
      }),
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
