/** One call back that is to come. */
export interface Alarm {
  /** Harmless when it has rung. */
  cancel(): void
}

/**
 * Any number of call backs at times to come, in one index with one timer: ten thousand hosts that wait cost nothing until their
 * time has come. Measured with the monotonic clock; never keeps the process alive.
 */
export interface Alarms {
  after(delayMs: number, ring: () => void): Alarm
  /** None rings any more. */
  close(): void
}

interface Entry {
  readonly atMs: number
  /** Null once cancelled: what is in the middle of the heap is left there until its time. */
  ring: (() => void) | null
}

/** `setTimeout` takes no longer ones. */
const LONGEST_MS = 2 ** 31 - 1

export function createAlarms(): Alarms {
  const heap: Entry[] = []
  let timer: NodeJS.Timeout | undefined
  let timerAtMs = Number.POSITIVE_INFINITY
  let isClosed = false

  const arm = () => {
    const next = heap[0]
    if (next === undefined || next.atMs >= timerAtMs) return
    clearTimeout(timer)
    timerAtMs = next.atMs
    timer = setTimeout(ringDue, Math.min(Math.max(next.atMs - performance.now(), 0), LONGEST_MS)).unref()
  }
  const ringDue = () => {
    timerAtMs = Number.POSITIVE_INFINITY
    const nowMs = performance.now()
    for (let next = heap[0]; next !== undefined && (next.ring === null || next.atMs <= nowMs); next = heap[0]) {
      pop(heap)
      next.ring?.()
    }
    if (!isClosed) arm()
  }
  return {
    after: (delayMs, ring) => {
      const entry: Entry = { atMs: performance.now() + delayMs, ring: isClosed ? null : ring }
      if (isClosed) return { cancel: () => {} }
      push(heap, entry)
      arm()
      return {
        cancel: () => {
          entry.ring = null
        },
      }
    },
    close: () => {
      isClosed = true
      clearTimeout(timer)
      heap.length = 0
    },
  }
}

/** Adds to a binary heap whose first is the earliest. */
function push(heap: Entry[], entry: Entry): void {
  let at = heap.length
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above] as Entry
    if (parent.atMs <= entry.atMs) break
    heap[at] = parent
    at = above
  }
  heap[at] = entry
}

/** Takes the first from a binary heap that is not empty. */
function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && (heap[below + 1] as Entry).atMs < (heap[below] as Entry).atMs) below++
    if ((heap[below] as Entry).atMs >= last.atMs) break
    heap[at] = heap[below] as Entry
    at = below
  }
  heap[at] = last
}
