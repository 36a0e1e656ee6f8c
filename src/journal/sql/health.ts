import type { Log } from '../../observe/log.ts'

/** Whether the database answers, as the last who asked found it. */
export interface Health {
  /** Why nothing can be asked of it now; null where it can. */
  readonly reason: string | null
  /** How often it was away and came back. */
  readonly outages: number
  up(): void
  down(error: unknown): void
  /** Resolves when it is up again, or after so long. */
  recovered(withinMs: number): Promise<void>
}

export function createHealth(log: Log): Health {
  let reason: string | null = null
  let outages = 0
  const waiting = new Set<() => void>()
  return {
    get reason() {
      return reason
    },
    get outages() {
      return outages
    },
    up: () => {
      if (reason === null) return
      reason = null
      outages++
      log.info("the journal's database is back")
      for (const end of waiting) end()
    },
    down: (error) => {
      const next = error instanceof Error ? error.message : String(error)
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
