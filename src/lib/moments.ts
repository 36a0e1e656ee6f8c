/** How long moments last. */
export interface MomentLengths {
  readonly usualMs: number
  /** While at least `busyPerMs` ask in each millisecond. */
  readonly busyMs: number
  readonly busyPerMs: number
}

/**
 * All who ask within one moment wait for its end together, and go on in the order in which they asked. Whether it is a long one is told from
 * how many have asked since the last one began.
 */
export function createMoments({ usualMs, busyMs, busyPerMs }: MomentLengths): () => Promise<void> {
  let moment: Promise<void> | null = null
  let beganMs = Number.NEGATIVE_INFINITY
  let asked = 0

  const nextLength = (): number => {
    const nowMs = performance.now()
    const isBusy = asked >= (nowMs - beganMs) * busyPerMs
    beganMs = nowMs
    asked = 0
    return isBusy ? busyMs : usualMs
  }
  return () => {
    moment ??= new Promise((resolve) => {
      setTimeout(() => {
        moment = null
        resolve()
      }, nextLength())
    })
    asked++
    return moment
  }
}
