import type { Page } from './wire.ts'

/** Largest page that the API gives. */
export const MAX_PAGE = 1000

/** How much of a list to take. */
export interface ListOptions {
  /** At most this many items in all; everything unless said. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** Everything on a list, page by page as it is asked for; a page is only fetched when the one before has been consumed. */
export async function* pages<T>(
  fetchPage: (limit: number, cursor: string | undefined) => Promise<Page<T>>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<T, void> {
  let cursor: string | undefined
  for (let left = limit; left > 0; ) {
    const { items, next } = await fetchPage(Math.min(left, MAX_PAGE), cursor)
    yield* items.slice(0, left)
    left -= items.length
    if (next === null) return
    cursor = next
  }
}
