/** What the work gives, or a rejection with this reason when it takes longer. The work goes on then, and nobody hears of it. */
export async function inTime<Result>(work: Promise<Result>, ms: number, reason: string): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(reason)), ms)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
