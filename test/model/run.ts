import { vi } from 'vitest'
import type { EventRecord, Journal } from '../../src/journal/journal.ts'
import { createAgents } from './agents.ts'
import { createBrokers } from './broker.ts'
import { settleTurn, startClock } from './clock.ts'
import type { Step } from './hosts.ts'
import { createPlaces } from './places.ts'
import { createRandom, type Random } from './random.ts'
import { createReference } from './reference.ts'
import { createSteps, type Steps } from './steps.ts'
import type { Storage } from './storage.ts'
import { createWorld } from './world.ts'

/** How events get to their hosts. */
export type Way = 'streams' | 'brokers'

/** The seeds of a run's steps, each with all that is random in it: what is left without some of them is a run as well. */
export type Plan = readonly number[]

/** What a run came to. */
export interface Outcome {
  /** The steps that were taken. Those that were not possible when their turn came do not count. */
  readonly taken: readonly string[]
  /** Everything that is wrong; empty where it kept its word. */
  readonly objections: readonly string[]
}

/** In this time all must come to its end when everything works: longer than all waits and retries together. */
const DRAIN = { rounds: 300, everyMs: 1000 }

/** Makes up a run. */
export function planRun(seed: number, steps: number): Plan {
  const random = createRandom(seed)
  return Array.from({ length: steps }, () => random.below(2 ** 32))
}

/** Lets a run happen over a journal with nothing open, and holds what became of it against the reference. */
export async function run(way: Way, plan: Plan, storage: Storage): Promise<Outcome> {
  const before = await lastOf(storage.journal)
  const clock = startClock()
  let random: Random = createRandom(0)
  // The engine's own jitter.
  const jitter = vi.spyOn(Math, 'random').mockImplementation(() => random.fraction())
  try {
    const reference = createReference(way === 'streams' ? 'dropped' : 'done-again', clock)
    const hosts = (way === 'streams' ? createAgents : createBrokers)(reference)
    const places = createPlaces(reference, way === 'streams' ? 'standalone' : 'in cells')
    const world = createWorld({ storage, hosts, places, reference, clock, before: before?.id ?? null })
    const steps = createSteps({ world, hosts, places, clock })
    const taken: string[] = []
    for (const seed of plan) {
      random = createRandom(seed)
      const kind = pickKind(steps, random)
      if (await (steps[kind] as Step).take(random)) taken.push(kind)
      await settleTurn()
    }

    places.mend()
    hosts.mend()
    let isLeft = true
    for (let round = 0; isLeft && round < DRAIN.rounds; round++) {
      clock.advance(DRAIN.everyMs)
      do {
        await world.disk.flow()
        await settleTurn()
      } while (hosts.settle() || !world.disk.isIdle)
      isLeft = storage.countOpen() > 0
    }
    await world.restart()
    const stories = await storiesSince(storage.journal, before)
    return { taken, objections: reference.objectionsTo(stories) }
  } finally {
    jitter.mockRestore()
    clock.stop()
  }
}

function pickKind(steps: Steps, random: Random): string {
  const kinds = Object.entries(steps)
  let left = random.fraction() * kinds.reduce((sum, [, { weight }]) => sum + weight, 0)
  for (const [kind, { weight }] of kinds) {
    left -= weight
    if (left < 0) return kind
  }
  return kinds[0]?.[0] ?? ''
}

async function lastOf(journal: Journal): Promise<EventRecord | undefined> {
  return (await journal.search({ limit: 1 }))[0]
}

function storiesSince(journal: Journal, last: EventRecord | undefined): Promise<readonly EventRecord[]> {
  return journal.search({ ...(last === undefined ? {} : { after: last.id }), order: 'oldest', limit: 1_000_000 })
}
