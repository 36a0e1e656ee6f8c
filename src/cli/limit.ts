import { Option } from 'commander'
import { wholeNumber } from './failures.ts'
import type { Terminal } from './terminal.ts'

const DEFAULT_LIMIT = 100

/** `--limit`, for lists that may be long. */
export function limitOption(): Option {
  return new Option('--limit <number>', 'at most so many; 0 for all')
    .argParser(wholeNumber(0, 1_000_000_000))
    .default(DEFAULT_LIMIT)
}

/** The first items of a list, and whether there are more. */
export interface Taken<T> {
  readonly items: readonly T[]
  readonly more: boolean
}

/** Takes up to `limit` items (0: all). Asks for one more, to be able to say that there are more. */
export async function takeLimited<T>(limit: number, list: (max: number) => AsyncIterable<T>): Promise<Taken<T>> {
  const max = limit === 0 ? Number.POSITIVE_INFINITY : limit
  const items: T[] = []
  for await (const item of list(max + 1)) items.push(item)
  return { items: items.slice(0, max), more: items.length > max }
}

/** Says that a list was cut, so that nobody takes it for the whole. */
export function sayIfMore(terminal: Terminal, { items, more }: Taken<unknown>): void {
  if (more) terminal.say(`these are the first ${items.length}; there are more: --limit 0 shows all`)
}
