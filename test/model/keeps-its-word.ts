import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Outcome, type Plan, planRun, run, type Way } from './run.ts'
import { shrink } from './shrink.ts'
import { createStorages } from './storage.ts'

const STEPS_A_RUN = 400

/**
 * Random runs until so many steps were taken, each held against the reference; the same runs each time. NOVACAST_MODEL_STEPS=N takes
 * so many steps, NOVACAST_MODEL_SEED=N does run N alone, NOVACAST_MODEL_PLAN=N,N,… one with these steps, as a failure says it.
 */
export function testModel(way: Way, defaultSteps: number): void {
  const { NOVACAST_MODEL_STEPS: STEPS, NOVACAST_MODEL_SEED: SEED, NOVACAST_MODEL_PLAN: PLAN } = process.env
  let storages: Awaited<ReturnType<typeof createStorages>>
  beforeAll(async () => {
    storages = await createStorages()
  })
  afterAll(() => storages.remove())

  /** A run over a journal of its own. */
  const runAlone = async (plan: Plan): Promise<Outcome> => {
    const storage = await storages.open()
    try {
      return await run(way, plan, storage)
    } finally {
      await storage.remove()
    }
  }
  const describeFailure = async (plan: Plan, outcome: Outcome): Promise<string> => {
    const least = await shrink(plan, async (some) => (await runAlone(some)).objections.length > 0)
    const again = await runAlone(least)
    const { taken, objections } = again.objections.length > 0 ? again : outcome
    return `${objections.slice(0, 10).join('\n')}\nafter:\n  ${taken.join('\n  ')}\nNOVACAST_MODEL_PLAN=${least.join()}`
  }
  const expectKept = async (plan: Plan, outcome: Outcome) => {
    if (outcome.objections.length > 0) expect.fail(await describeFailure(plan, outcome))
  }

  it('loses nothing, keeps the order of each server and skips no state', { timeout: 1_800_000 }, async () => {
    if (PLAN !== undefined || SEED !== undefined) {
      const plan = PLAN?.split(',').map(Number) ?? planRun(Number(SEED), STEPS_A_RUN)
      await expectKept(plan, await runAlone(plan))
      return
    }
    const wanted = Number(STEPS ?? defaultSteps)
    const storage = await storages.open()
    let taken = 0
    for (let seed = 1; taken < wanted; seed++) {
      const plan = planRun(seed, STEPS_A_RUN)
      const outcome = await run(way, plan, storage)
      await expectKept(plan, outcome)
      taken += outcome.taken.length
    }
    expect(taken).toBeGreaterThanOrEqual(wanted)
    expect(storage.forbiddenTransitions()).toEqual([])
    await storage.remove()
  })
}
