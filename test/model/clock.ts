import { vi } from 'vitest'

/** The time of the engine, which passes when the run lets it. Threads of the journal have their own, and need none. */
export interface Clock {
  /** Timers that are due ring. */
  advance(ms: number): void
  /** The wall clock is set; no timer notices. */
  jump(ms: number): void
  /** No timer rings any more that was set before. */
  forget(): void
  /** The latest that the wall clock ever showed, in milliseconds since the epoch. */
  readonly latestMs: number
  /** Gives the process its own time back. */
  stop(): void
}

export function startClock(): Clock {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    // The sleep of node:timers/promises too.
    fakeNodeBuiltins: true,
  })
  let latestMs = Date.now()
  const look = () => {
    latestMs = Math.max(latestMs, Date.now())
  }
  return {
    advance: (ms) => {
      vi.advanceTimersByTime(ms)
      look()
    },
    jump: (ms) => {
      vi.setSystemTime(Date.now() + ms)
      look()
    },
    forget: () => void vi.clearAllTimers(),
    get latestMs() {
      return latestMs
    },
    stop: () => void vi.useRealTimers(),
  }
}

/** Lets everything happen that needs neither time nor the journal's threads. */
export async function settleTurn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
