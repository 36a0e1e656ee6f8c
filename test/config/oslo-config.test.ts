import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import * as types from '../../src/config/option-types.ts'
import type { Option } from '../../src/config/options.ts'
import { parseOsloFile } from '../../src/config/oslo-file.ts'
import { createSettings } from '../../src/config/settings.ts'
import { hasPython, runPython } from '../support/python.ts'

/** What test/config/oslo_config_peer.py prints for a case. */
type Answer = 'error' | readonly ({ readonly value: unknown } | { readonly error: string })[]

const PEER = join(import.meta.dirname, 'oslo_config_peer.py')
const CASES = 3000

const TYPES = {
  text: types.optional(types.text),
  multi: types.multi,
  boolean: types.boolean,
  integer: types.integer(0, 65_535),
  list: types.list,
} as const

/** Options as the table has them, and as the peer is told of them. */
const OPTIONS = (
  [
    ['DEFAULT', 'a', 'text', []],
    ['DEFAULT', 'b', 'text', [{ section: 'one', name: 'old_b' }]],
    ['DEFAULT', 'm', 'multi', []],
    ['one', 'a', 'text', []],
    [
      'one',
      'b',
      'text',
      [
        { section: 'one', name: 'b-dashed' },
        { section: 'DEFAULT', name: 'old_b' },
      ],
    ],
    ['one', 'm', 'multi', [{ section: 'two', name: 'm' }]],
    ['two', 'flag', 'boolean', []],
    ['two', 'number', 'integer', []],
    ['two', 'list', 'list', []],
    // What may be referred to is an option: of Nova's that novacast does not know, only what files say is known.
    ['two', 'a', 'text', []],
    ['two', 'b', 'text', []],
  ] as const
).map(([section, name, type, otherNames]) => ({ section, name, type, otherNames }))

const table: readonly Option<unknown>[] = OPTIONS.map(({ section, name, type, otherNames }) => ({
  section,
  name,
  type: TYPES[type],
  value: null,
  shown: '',
  help: '',
  otherNames,
  isSecret: false,
  origin: 'nova',
}))

/** Written so that no linter takes them for JavaScript's templates. */
const [BRACED_A, BRACED_ONE_B] = ['{a}', '{one.b}'].map((name) => `$${name}`) as [string, string]

const header = fc.constantFrom('[DEFAULT]', '[one]', '[one]', '[two]', '[two]', '[ONE]', '[default]', '[other]', '[one] ')
const key = fc.constantFrom('a', 'b', 'm', 'flag', 'number', 'list', 'old_b', 'b-dashed', 'unknown', 'A')
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('x', 'y z', 'true', 'No', 'ON', '1', '0', '65535', '65536', '-1', '1.5', '') },
  { weight: 2, arbitrary: fc.constantFrom('"quoted"', "'it'", '"half', `"mixed'`, '"', '""', '" kept "', 'in "the" middle') },
  { weight: 2, arbitrary: fc.constantFrom('p, q,r', ',', 'p,,q,', '[p]', 'http://u:p@h/?a=b#c', 'x # no comment', 'a=b', 'a:b') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['$a', BRACED_A, '$b-x', '$$a', '\\$a', BRACED_ONE_B, '$one.a', '$', '$1', '${', 'x$', '$b$b', '$two.flag'],
    ),
  },
)
const assignment = fc
  .tuple(key, fc.constantFrom('=', ' = ', ':', ' : ', '\t=\t'), value, fc.constantFrom('', ' ', '\t', '\u00a0'))
  .map((parts) => parts.join(''))
/** Of an option that no other refers to: oslo.config looks elsewhere where a reference leads to one that leads nowhere. */
const badReference = fc.constantFrom('$nowhere', '$one.nowhere', '$nowhere.a', '$DEFAULT.b').map((text) => `list = x${text}`)
const line = fc.oneof(
  { weight: 12, arbitrary: assignment },
  { weight: 1, arbitrary: badReference },
  { weight: 5, arbitrary: header },
  { weight: 3, arbitrary: fc.tuple(assignment, value).map(([start, text]) => [start, `  ${text}`]) },
  { weight: 3, arbitrary: fc.constantFrom('', '# comment', '; comment', '   ') },
)
/** Rare, or no file would be understood. */
const badLine = fc.constantFrom('  continues nothing, mostly', 'no assignment', '= x', ' = x', '[open', '[]', ':', 'x')
const file = fc
  .record({
    first: fc.oneof({ weight: 9, arbitrary: header }, { weight: 1, arbitrary: assignment }),
    lines: fc.array(fc.oneof({ weight: 100, arbitrary: line }, { weight: 1, arbitrary: badLine }), { maxLength: 14 }),
    end: fc.constantFrom('\n', '\n', '\r\n', '\r'),
  })
  .map(({ first, lines, end }) => [first, ...lines.flat(), ''].join(end))
const variable = fc.constantFrom(
  ...[
    'OS_DEFAULT__A',
    'OS_ONE__A',
    'OS_ONE__B',
    'OS_TWO__FLAG',
    'OS_TWO__NUMBER',
    'OS_TWO__LIST',
    'OS_TWO__B_DASHED',
    'OS_ONE__OLD_B',
  ],
)
const cases = fc.record({
  files: fc.array(file, { minLength: 1, maxLength: 3 }),
  environment: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.dictionary(variable, value, { minKeys: 1, maxKeys: 3, noNullPrototype: true }) },
  ),
})

interface Case {
  readonly files: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** What novacast makes of the same. */
function answer({ files: contents, environment }: Case): Answer {
  const names = contents.map((_, index) => `file${index}`)
  try {
    const assignments = contents.flatMap((content, index) => parseOsloFile(names[index] ?? '', content))
    return table.map((option) => {
      // Sections and variables of novacast itself are no part of the comparison.
      const settings = createSettings({ files: names, assignments }, { environment, flags: {} }, table)
      const value = settings.read(option)
      try {
        settings.finish()
        return { value }
      } catch (error) {
        if (error instanceof ConfigError) return { error: 'ConfigError' }
        throw error
      }
    })
  } catch (error) {
    if (error instanceof ConfigError) return 'error'
    throw error
  }
}

/** Two answers that mean the same: why oslo.config fails is its own affair, and "nothing" for a number is none. */
function isAlike(ours: Answer, theirs: Answer): boolean {
  if (ours === 'error' || theirs === 'error') return ours === theirs
  return ours.every((each, index) => {
    const other = theirs[index]
    if (other === undefined) return false
    if ('error' in each) return 'error' in other || (other.value === null && OPTIONS[index]?.type === 'integer')
    return 'value' in other && JSON.stringify(each.value || null) === JSON.stringify(other.value || null)
  })
}

describe.runIf(hasPython(['oslo_config'], 'python3-oslo.config'))('beside the real oslo.config', () => {
  it(`reads ${CASES} configurations alike`, { timeout: 120_000 }, () => {
    const all = fc.sample(cases, { numRuns: CASES })
    const theirs = runPython<Answer[]>(
      PEER,
      all.map((each) => ({ ...each, options: OPTIONS })),
    )
    const differing = all.flatMap((each, index) => {
      const [ours, other] = [answer(each), theirs[index] ?? 'error']
      if (isAlike(ours, other)) return []
      const options = OPTIONS.map(({ section, name }, at) => `${section}.${name}: ${show(ours, at)} / ${show(other, at)}`)
      return [{ ...each, options: options.filter((each) => new Set(each.split(': ')[1]?.split(' / ')).size > 1) }]
    })
    expect(differing.slice(0, 4)).toEqual([])
    const understood = theirs.filter((each) => each !== 'error')
    expect(understood.length).toBeGreaterThan(CASES / 2)
    expect(theirs.length - understood.length).toBeGreaterThan(CASES / 50)
  })
})

const show = (answer: Answer, index: number): string => (answer === 'error' ? 'error' : JSON.stringify(answer[index]))
