import type { Plan } from './run.ts'

/**
 * The least that is left of a plan when steps are taken away for as long as it still fails: halves first, then smaller pieces (the
 * algorithm ddmin of Zeller and Hildebrandt, without its tries of single pieces). Ends with what it has when its time is over.
 */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, mostMs = 60_000): Promise<Plan> {
  const endMs = performance.now() + mostMs
  const isTime = () => performance.now() < endMs
  let least = plan
  for (let size = Math.ceil(least.length / 2); isTime(); ) {
    let isSmaller = false
    for (let from = 0; from < least.length && isTime(); ) {
      const rest = [...least.slice(0, from), ...least.slice(from + size)]
      if (rest.length < least.length && (await fails(rest))) {
        least = rest
        isSmaller = true
      } else from += size
    }
    if (size === 1 && !isSmaller) return least
    size = Math.max(Math.ceil(size / 2), 1)
  }
  return least
}
