import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The suites that take minutes, which a clean checkout cannot know from earlier runs. */
const LONGEST: readonly string[] = [
  'openstack-faults/outages.test.ts',
  'durability/matrix.test.ts',
  'openstack/differential.test.ts',
]

/** Begins with what takes longest: what is last has the machine for itself while the other worker idles. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rankOf = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((path) => moduleId.endsWith(path))
      return at === -1 ? LONGEST.length : at
    }
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other))
  }
}
