import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const DOOR = join(import.meta.dirname, 'use-stand.ts')

/** All test files: those that use the stand, be it through a helper, and those that do not. */
export function sortSuites(): { readonly fast: string[]; readonly stand: string[] } {
  const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: ROOT }).sort()
  const reaches = createReach()
  return { fast: files.filter((file) => !reaches(join(ROOT, file))), stand: files.filter((file) => reaches(join(ROOT, file))) }
}

/** Whether a file imports the stand's door, itself or through helpers of the tests. */
function createReach(): (file: string) => boolean {
  const known = new Map<string, boolean>([[DOOR, true]])
  const reaches = (file: string): boolean => {
    const before = known.get(file)
    if (before !== undefined) return before
    // Also what ends a cycle.
    known.set(file, false)
    const reached = existsSync(file) && importsOf(file).some(reaches)
    known.set(file, reached)
    return reached
  }
  return reaches
}

function importsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/from '(\.{1,2}\/[^']+)'/g)
  const paths = [...found].map(([, path]) => resolve(dirname(file), path ?? ''))
  return paths.filter((path) => path.startsWith(join(ROOT, 'test/')))
}
