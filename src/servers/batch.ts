import { createSlots } from './slots.ts'

/** Asks for many keys at once. Every key asked for is a key of the answer. */
export type Load<Key, Value> = (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>> | ReadonlyMap<Key, Value>

export interface BatchLimits {
  /** No question asks for more keys. */
  readonly maxKeys: number
  /** No more questions are under way at a time: who comes then is gathered into the next. */
  readonly maxInFlight: number
}

interface Batch<Key, Value> {
  readonly keys: Set<Key>
  readonly answer: Promise<ReadonlyMap<Key, Value>>
}

/**
 * Gathers the keys of all calls of one turn of the event loop, and loads each of them once, all in one go: what hundreds of
 * requests in flight want to know costs one question. A call's answer may hold more keys than it asked for. When loading fails,
 * every call that waits for it rejects with the same error; the next turn tries anew.
 */
export function batchByTick<Key, Value>(
  load: Load<Key, Value>,
  { maxKeys, maxInFlight }: BatchLimits = { maxKeys: Number.POSITIVE_INFINITY, maxInFlight: Number.POSITIVE_INFINITY },
): (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>> {
  let gathering: Batch<Key, Value> | null = null
  const slots = createSlots(maxInFlight)

  const run = async (keys: ReadonlySet<Key>): Promise<ReadonlyMap<Key, Value>> => {
    await new Promise<void>((resolve) => setImmediate(resolve))
    return slots.run(async () => {
      if (gathering?.keys === keys) gathering = null
      return load([...keys])
    })
  }
  const begin = (): Batch<Key, Value> => {
    const keys = new Set<Key>()
    return { keys, answer: run(keys) }
  }
  const gather = (key: Key): Batch<Key, Value> => {
    if (gathering === null || (gathering.keys.size >= maxKeys && !gathering.keys.has(key))) gathering = begin()
    gathering.keys.add(key)
    return gathering
  }

  return async (keys) => {
    const batches = new Set(keys.map(gather))
    const [only] = batches
    if (only === undefined) return new Map()
    if (batches.size === 1) return only.answer
    const answers = await Promise.all([...batches].map(({ answer }) => answer))
    return new Map(answers.flatMap((answer) => [...answer]))
  }
}
