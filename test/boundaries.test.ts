import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const SOURCE = resolve(import.meta.dirname, '../src')

/**
 * Who may import whom, besides `lib/` and itself. `types:X` means type-only imports. A request reads top to bottom through these
 * folders; an arrow that is not here would make it read in circles.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  config: ['events'],
  nova: ['types:events'],
  events: ['types:nova'],
  observe: ['types:events', 'types:journal'],
  identity: ['observe', 'types:config'],
  policy: ['types:identity', 'types:config', 'observe'],
  servers: ['events', 'nova', 'observe', 'types:journal', 'types:config', 'database'],
  cast: ['events', 'nova', 'observe', 'types:journal', 'types:identity', 'types:config'],
  journal: ['events', 'observe', 'types:servers', 'database'],
  delivery: ['events', 'journal', 'observe', 'types:cast', 'types:servers', 'servers', 'types:nova'],
  replay: ['events', 'types:journal', 'types:observe', 'types:servers', 'types:delivery'],
  database: ['observe'],
  'api/compute': [
    'events',
    'policy',
    'observe',
    'api',
    'servers',
    'journal',
    'types:identity',
    'types:delivery',
    'types:cast',
    'types:config',
  ],
  'api/operator': [
    'events',
    'policy',
    'observe',
    'api',
    'journal',
    'servers',
    'types:identity',
    'types:delivery',
    'types:cast',
    'types:config',
    'types:replay',
  ],
  api: ['observe', 'types:identity'],
  sdk: ['types:events'],
  cli: ['config', 'sdk', 'app', 'observe', 'types:events', 'policy', 'identity', 'journal', 'servers', 'cast'],
  app: ['*'],
}

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
)

/** `src/api/compute/x.ts` belongs to `api/compute`, `src/app.ts` to `app`, all else to its first folder. */
function folderOf(file: string): string {
  const parts = file.split('/')
  if (parts.length === 1) return 'app'
  return parts[0] === 'api' && parts.length > 2 ? `api/${parts[1]}` : (parts[0] as string)
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCE, file), 'utf8')
  const found = text.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm)
  return [...found].map(([, type, path, lazy]) => ({
    from: file,
    to: relative(SOURCE, resolve(SOURCE, dirname(file), path ?? lazy ?? '')),
    typeOnly: type !== undefined,
  }))
}

const imports = files.flatMap(importsOf)

function allowed({ from, to, typeOnly }: Import): boolean {
  const here = folderOf(from)
  const there = folderOf(to)
  if (here === there || there === 'lib') return true
  const rules = MAY_IMPORT[here] ?? []
  return rules.includes('*') || rules.includes(there) || (typeOnly && rules.includes(`types:${there}`))
}

/** The files of a cycle of runtime imports through `file`, or none. */
function cycleThrough(start: string, edges: ReadonlyMap<string, readonly string[]>): string[] {
  const walk = (file: string, path: readonly string[], seen: Set<string>): string[] => {
    for (const next of edges.get(file) ?? []) {
      if (next === start) return [...path, next]
      if (seen.has(next)) continue
      seen.add(next)
      const found = walk(next, [...path, next], seen)
      if (found.length > 0) return found
    }
    return []
  }
  return walk(start, [start], new Set())
}

describe('folders', () => {
  it('are all in the table', () => {
    expect(files.length).toBeGreaterThan(10)
    expect(imports.length).toBeGreaterThan(10)
    expect([...new Set(files.map(folderOf))].filter((folder) => !(folder in MAY_IMPORT))).toEqual([])
  })

  it('import only those that the table lets them', () => {
    expect(imports.filter((each) => !allowed(each)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([])
  })

  it('have no cycle of runtime imports', () => {
    const edges = new Map<string, string[]>()
    for (const { from, to, typeOnly } of imports) if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to])
    expect(files.map((file) => cycleThrough(file, edges)).filter((cycle) => cycle.length > 0)).toEqual([])
  })
})
