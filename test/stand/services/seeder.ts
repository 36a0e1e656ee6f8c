import { join } from 'node:path'
import type { Answering, Processes } from '../processes.ts'
import type { SeededServer } from '../stand.ts'

/** A server to make, as python/seed.py takes it. */
export interface Seed {
  readonly name: string
  readonly kind: string
  readonly cell: string
  readonly host: string
  readonly projectId: string
  readonly rich: boolean
}

/** Puts servers into a Nova. */
export interface Seeder {
  seed(seeds: readonly Seed[]): Promise<readonly SeededServer[]>
  end(): Promise<void>
}

/** What python/seed.py answers. */
type Answer = { readonly seeded: readonly SeededServer[] } | { readonly error: string }

/** One process for each Nova, started when it is first needed: to load Nova's objects takes seconds. */
export function createSeeder(processes: Processes, name: string, confFile: string): Seeder {
  const script = join(import.meta.dirname, '../python/seed.py')
  let python: Answering | null = null
  return {
    seed: async (seeds) => {
      python ??= processes.converse({
        name: `${name}-seed`,
        command: '/usr/bin/python3',
        args: ['-W', 'ignore', script, confFile],
      })
      const answer = JSON.parse(await python.ask(JSON.stringify(seeds))) as Answer
      if ('error' in answer) throw new Error(`seed.py failed:\n${answer.error}`)
      return answer.seeded
    },
    end: async () => {
      await python?.end()
      python = null
    },
  }
}
