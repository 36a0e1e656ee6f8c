import { expect, it } from 'vitest'
import { DEFAULT_RULES } from '../../src/policy/defaults.ts'
import { cell, code, readReference } from '../support/reference.ts'

function renderRules(): string {
  const asked = DEFAULT_RULES.filter((rule) => rule.isAsked)
  const base = DEFAULT_RULES.filter((rule) => !rule.isAsked)
  const rows = (rules: typeof asked) =>
    rules.map(({ name, check, description }) => `| ${code(name)} | ${code(check)} | ${cell(description)} |\n`).join('')
  const head = '| rule | default | what it is for |\n|---|---|---|\n'
  return `\nRules that novacast asks:\n\n${head}${rows(asked)}\nRules of Nova for others to refer to:\n\n${head}${rows(base)}\n`
}

it('docs/reference/policy.md has every rule as it is (UPDATE_DOCS=1 writes them)', () => {
  const expected = renderRules()
  expect(readReference('docs/reference/policy.md', expected)).toBe(expected)
})
