import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'
import { sortSuites } from './test/stand/suites.ts'

const { fast, stand } = sortSuites()

export default defineConfig({
  test: {
    // Two cores and real services beside us: more workers only make timeouts lie.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Hundreds of novacasts are started: each would strip its types anew, for most of a second.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
    // Waits end with what they wait for; this is for what never comes, on a machine that is busy with other things.
    testTimeout: 120_000,
    // Long enough to install and start a service on a machine that has none.
    hookTimeout: 600_000,
    projects: [
      { extends: true, test: { name: 'fast', include: fast, sequence: { groupOrder: 1 } } },
      // After the others: services that start take both cores from tests that measure time.
      {
        extends: true,
        test: { name: 'stand', include: stand, sequence: { groupOrder: 2 }, globalSetup: ['test/stand/global-setup.ts'] },
      },
    ],
  },
})
