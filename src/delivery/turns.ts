import type { CellId } from '../events/event.ts'

/** The queues of those who read the journal: one for each cell's hosts, undefined where that is not known, and the sweeps'. */
export type LaneQueue = CellId | null | undefined | 'sweep'

/** Work that waits for its turn, so that many who want something at once do not all hold its pieces in memory. */
export interface Turns<Queue> {
  /** Runs this when it is its turn: first come, first served, in each queue. It must not reject. */
  take(queue: Queue, work: () => Promise<void>): void
  /** Looks again whether somebody may begin. */
  next(): void
  /** What waits is dropped; what runs goes on. */
  close(): void
}

interface Line {
  waiting: (() => Promise<void>)[]
  /** Of `waiting`, those that have begun. */
  begun: number
  running: number
}

/**
 * At most `most` at once of each queue, so that one whose work is slow keeps no other waiting. None of a queue begins while
 * `mayBegin` says no of it (then `next` is to be called when that changes).
 */
export function createTurns<Queue>({
  most,
  mayBegin,
}: {
  readonly most: number
  readonly mayBegin: (queue: Queue) => boolean
}): Turns<Queue> {
  const lines = new Map<Queue, Line>()
  let isClosed = false

  const begin = (queue: Queue, line: Line) => {
    while (line.running < most && line.begun < line.waiting.length && mayBegin(queue)) {
      const work = line.waiting[line.begun++] as () => Promise<void>
      line.running++
      void work().finally(() => {
        line.running--
        begin(queue, line)
      })
    }
    if (line.begun === line.waiting.length || line.begun > 1000) {
      line.waiting = line.waiting.slice(line.begun)
      line.begun = 0
    }
    if (line.running === 0 && line.waiting.length === 0) lines.delete(queue)
  }
  return {
    take: (queue, work) => {
      if (isClosed) return
      const line = lines.get(queue) ?? { waiting: [], begun: 0, running: 0 }
      lines.set(queue, line)
      line.waiting.push(work)
      if (line.running < most) begin(queue, line)
    },
    next: () => {
      for (const [queue, line] of lines) if (line.waiting.length > 0) begin(queue, line)
    },
    close: () => {
      isClosed = true
      for (const line of lines.values()) {
        line.waiting = []
        line.begun = 0
      }
    },
  }
}
