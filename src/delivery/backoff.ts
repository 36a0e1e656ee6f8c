/** The bounds of the wait between two tries. */
export interface Backoff {
  readonly firstMs: number
  readonly mostMs: number
}

/** From half a second to half a minute. */
export const RETRY: Backoff = { firstMs: 500, mostMs: 30_000 }

/** The wait after the n-th failure in a row (from 1): doubling to the most, with jitter of half of it so that nobody comes in step. */
export function retryDelayMs({ firstMs, mostMs }: Backoff, failures: number): number {
  const full = Math.min(firstMs * 2 ** Math.min(failures - 1, 30), mostMs)
  return full * (0.5 + Math.random() / 2)
}
