/** So many may work at a time; who comes then waits in turn. */
export interface Slots {
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

export function createSlots(most: number): Slots {
  let working = 0
  const waiting: (() => void)[] = []

  return {
    run: async (work) => {
      if (working < most) working++
      // Whoever wakes this one leaves it the place.
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next === undefined) working--
        else next()
      }
    },
  }
}
