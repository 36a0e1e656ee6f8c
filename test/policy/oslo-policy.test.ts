import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toAttributes } from '../../src/policy/credentials.ts'
import { DEFAULT_RULES } from '../../src/policy/defaults.ts'
import { PolicyError } from '../../src/policy/policy-error.ts'
import { parseRuleFile } from '../../src/policy/rule-file.ts'
import { createRuleset } from '../../src/policy/ruleset.ts'
import { hasPython, runPython } from '../support/python.ts'
import { caller, RULE_NAMES, target, writtenRules } from './rules.ts'

/** What test/policy/oslo_policy_peer.py prints. */
interface Answers {
  readonly answers: readonly (boolean | 'error')[]
  readonly files: readonly ('error' | { readonly rules: unknown })[]
}

const PEER = join(import.meta.dirname, 'oslo_policy_peer.py')
const CASES = 6000
const defaults = Object.fromEntries(DEFAULT_RULES.map(({ name, check }) => [name, check]))
const asked = fc.constantFrom(...RULE_NAMES, ...Object.keys(defaults))

describe.runIf(hasPython(['oslo_policy'], 'python3-oslo.policy'))('beside the real oslo.policy', () => {
  it(`answers ${CASES} questions alike`, { timeout: 120_000 }, () => {
    const cases = fc.sample(fc.record({ written: writtenRules, caller, target, ask: asked }), { numRuns: CASES })
    const { answers } = runPython<Answers>(PEER, {
      files: [],
      cases: cases.map((each) => ({
        rules: { ...defaults, ...each.written },
        creds: toAttributes(each.caller),
        target: each.target,
        ask: each.ask,
      })),
    })
    const differing = cases.flatMap((each, index) => {
      const written = Object.entries(each.written).map(([name, rule]) => ({ name, rule, place: 'file:1:1' }))
      const ruleset = createRuleset(written, { defaultRule: 'default', enforceScope: false })
      const ours = ruleset.allows(each.ask, each.caller, each.target)
      // A rule without a name of its own is a question that novacast never asks: oslo.policy lets `default` answer it.
      if (!(each.ask in each.written) && !(each.ask in defaults)) return []
      return ours === (answers[index] === true) ? [] : [{ ...each, ours, theirs: answers[index] }]
    })
    expect(differing.slice(0, 3)).toEqual([])
    const [yes, no, errors] = [true, false, 'error'].map((answer) => answers.filter((each) => each === answer).length)
    for (const count of [yes, no, errors]) expect(count).toBeGreaterThan(CASES / 50)
  })

  const ALIKE = [
    '',
    '# nothing\n',
    '---\n',
    'a: role:admin',
    '"a": "role:admin"\n"b": ""\n',
    '{"a": "role:admin", "b": [["role:x", "role:y"], ["@"]]}',
    '{"a": "b",}',
    "a: '@'\nb: '!'",
    'a: []',
    'a: [b, [c, d]]',
    'a: &x role:admin\nb: *x',
    'a: >-\n  role:admin or\n  role:service',
    'a: |\n  role:admin\n',
    'a: ! text',
    'a: "1"\na: "2"',
    'yes_or_no: "yes"',
    'a: 0o7',
    '"a\\u00e9": "\\x41"',
  ]
  const REFUSED_BY_BOTH = ['a: @', 'a: "x', 'a: b: c', '---\na: b\n---\nc: d', 'a: !!python/object:os.system x', '\ta: b']
  /** oslo.policy reads these without a word; most let everybody through. */
  const REFUSED_BY_US = [
    'a: !',
    'a:',
    'a: null',
    'a: no',
    'a: 0',
    'a: 1',
    'a: {}',
    'a: |',
    'a: &x !\nb: *x',
    '- a\n b',
    'a: [1]',
    '- a',
    'text',
    '1: a',
    'a: 2001-01-01',
  ]

  it('reads policy files alike, but for values that are no rules', () => {
    const contents = [...ALIKE, ...REFUSED_BY_BOTH, ...REFUSED_BY_US]
    const { files } = runPython<Answers>(PEER, { cases: [], files: contents })
    const ours = contents.map((content) => {
      try {
        return { rules: Object.fromEntries(parseRuleFile('file', content).map(({ name, rule }) => [name, rule])) }
      } catch (error) {
        if (error instanceof PolicyError) return 'error'
        throw error
      }
    })
    const both = contents.map((content, index) => ({ content, ours: ours[index], theirs: files[index] }))
    const [alike, refused, stricter] = [
      both.slice(0, ALIKE.length),
      both.slice(ALIKE.length, ALIKE.length + REFUSED_BY_BOTH.length),
      both.slice(ALIKE.length + REFUSED_BY_BOTH.length),
    ]
    for (const each of alike) expect(each).toEqual({ ...each, ours: each.theirs })
    for (const each of refused) expect(each).toEqual({ ...each, ours: 'error', theirs: 'error' })
    for (const each of stricter) expect(each).toEqual({ ...each, ours: 'error', theirs: { rules: expect.anything() } })
  })
})
