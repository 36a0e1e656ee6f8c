import { oneByOne } from '../../lib/one-by-one.ts'

/** What became of one item of a batch. */
export type Settled<Answer> =
  | { readonly kind: 'done'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: Error }

export interface BatchOptions<Item, Answer> {
  /** How many rows an item is about. */
  weigh(item: Item): number
  /** Rows of a batch at most, unless a single item brings more. */
  readonly most: number
  /** Why nothing can be taken now; null where it can. */
  refusal(waiting: number, weight: number): Error | null
  /** Deals with a batch; a result for each item, in its place. Never rejects. */
  run(items: readonly Item[]): Promise<readonly Settled<Answer>[]>
}

/** Gathers items while the batch before is under way, so that what comes at the same time is written together. */
export interface Batches<Item, Answer> {
  /** Settles when its batch does. Items go in the order of the calls. */
  add(item: Item): Promise<Answer>
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly weight: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

function settle<Item, Answer>({ resolve, reject }: Waiting<Item, Answer>, result: Settled<Answer> | undefined): void {
  if (result?.kind === 'done') resolve(result.answer)
  else reject(result?.error ?? new Error('a batch left this item out'))
}

export function createBatches<Item, Answer>(options: BatchOptions<Item, Answer>): Batches<Item, Answer> {
  const queue: Waiting<Item, Answer>[] = []
  let waiting = 0
  let running: Promise<void> | null = null

  const takeBatch = () => {
    let weight = 0
    let length = 0
    for (const { weight: more } of queue) {
      if (length > 0 && weight + more > options.most) break
      weight += more
      length++
    }
    return queue.splice(0, length)
  }
  const drain = async () => {
    // After the I/O callbacks of this turn of the event loop: every request that it read goes into the same batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (queue.length > 0) {
      const batch = takeBatch()
      const results = await options.run(batch.map(({ item }) => item))
      for (const { weight } of batch) waiting -= weight
      oneByOne(batch.map((each, i) => () => settle(each, results[i])))
    }
    running = null
  }
  return {
    add: (item) => {
      const weight = options.weigh(item)
      const refusal = options.refusal(waiting, weight)
      if (refusal !== null) return Promise.reject(refusal)
      waiting += weight
      return new Promise((resolve, reject) => {
        queue.push({ item, weight, resolve, reject })
        running ??= drain()
      })
    },
    idle: async () => {
      while (running !== null) await running
    },
  }
}
