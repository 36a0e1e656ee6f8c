import type { HostName } from '../events/event.ts'

/** When hosts were heard of, on its way to the journal. */
export interface Touches {
  note(host: HostName, atUs: number): void
  /** Writes what was noted; never rejects. */
  write(): Promise<unknown>
}

/** How long a note may stay in memory. */
const TOUCH_MS = 1000

/** Gathers when hosts were heard of: one write a second at most, however often they are. */
export function createTouches(keep: (noted: readonly (readonly [HostName, number])[]) => Promise<unknown>): Touches {
  const noted = new Map<HostName, number>()
  let timer: NodeJS.Timeout | undefined
  let written: Promise<unknown> = Promise.resolve()
  const write = (): Promise<unknown> => {
    clearTimeout(timer)
    timer = undefined
    if (noted.size === 0) return written
    const batch = [...noted]
    noted.clear()
    // What cannot be written is heard of again at the host's next sign of life.
    written = keep(batch).catch(() => {})
    return written
  }
  return {
    note: (host, atUs) => {
      noted.set(host, Math.max(noted.get(host) ?? atUs, atUs))
      timer ??= setTimeout(write, TOUCH_MS)
    },
    write,
  }
}
