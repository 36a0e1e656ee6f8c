import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Journal } from './journal.ts'

/** Removes events from the journal when their time is over. */
export interface Retention {
  start(): void
  /** Resolves when the step under way has ended. */
  close(): Promise<void>
}

export interface RetentionParts {
  readonly journal: Pick<Journal, 'retain'>
  /** How long events are kept after they came; 0: for ever. */
  readonly retentionMs: number
  readonly metrics: Pick<Metrics, 'gauge' | 'counter'>
  readonly log: Log
}

/** Between two passes: a twentieth of the retention, within these bounds. */
const PASS_MS = { least: 1000, most: 60_000 } as const
/** After each step so many times as long as it took: the journal belongs to others for most of the time, the busier the more. */
const PAUSES = 3

/** What a pass through the journal did. */
interface Pass {
  readonly removed: number
  readonly oldestUs: number | null
}

/**
 * Passes through the journal now and then, oldest events first, in small steps with pauses between. What cannot be removed now (it is
 * pending, the journal is away) is looked at again in the next pass.
 */
export function createRetention({ journal, retentionMs, metrics, log }: RetentionParts): Retention {
  const closed = new AbortController()
  const passMs = Math.min(Math.max(retentionMs / 20, PASS_MS.least), PASS_MS.most)
  let running = Promise.resolve()
  let removedTotal = 0
  let oldestUs: number | null = null
  let isFailing = false

  const passThrough = async (): Promise<Pass> => {
    const beforeUs = (Date.now() - retentionMs) * 1000
    let removed = 0
    for (let from: number | null = 0; from !== null && !closed.signal.aborted; ) {
      const startMs = performance.now()
      const step = await journal.retain(beforeUs, from)
      removed += step.removed
      removedTotal += step.removed
      oldestUs = step.oldestUs
      from = step.next
      if (from !== null) await pause((performance.now() - startMs) * PAUSES)
    }
    return { removed, oldestUs }
  }
  const pause = (ms: number) => sleep(ms, undefined, { signal: closed.signal, ref: false }).catch(() => {})
  const report = ({ removed, oldestUs }: Pass, seconds: number) => {
    isFailing = false
    const oldest = oldestUs === null ? null : new Date(oldestUs / 1000).toISOString()
    if (removed > 0) log.info({ removed, seconds, oldest }, 'removed events whose retention is over')
  }
  const run = async () => {
    while (!closed.signal.aborted) {
      const startMs = performance.now()
      try {
        report(await passThrough(), Math.round(performance.now() - startMs) / 1000)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        if (!isFailing) log.warn({ reason }, 'events whose retention is over cannot be removed now; it is tried again')
        isFailing = true
      }
      await pause(passMs)
    }
  }
  metrics.counter('events_removed_total', 'Events removed because their retention was over.', () => removedTotal)
  metrics.gauge('oldest_event_age_seconds', 'Age of the first event in the journal, as of the last pass of retention.', () =>
    oldestUs === null ? 0 : Math.max(Date.now() - oldestUs / 1000, 0) / 1000,
  )
  return {
    start: () => {
      if (retentionMs > 0) running = run()
    },
    close: async () => {
      closed.abort()
      await running
    },
  }
}
