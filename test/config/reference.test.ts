import { expect, it } from 'vitest'
import { ALL_OPTIONS, type Option } from '../../src/config/options.ts'
import { isLiteral } from '../../src/config/sample.ts'
import { cell, code, readReference } from '../support/reference.ts'

function renderOptions(): string {
  const sections = [...Map.groupBy(ALL_OPTIONS, (option) => option.section)]
  const head = '| option | takes | default | what it does |\n|---|---|---|---|\n'
  return `\n${sections.map(([name, options]) => `### [${name}]\n\n${head}${options.map(renderRow).join('')}`).join('\n')}\n`
}

function renderRow(option: Option<unknown>): string {
  const { name, type, shown, help, otherNames, section } = option
  const others = otherNames.map((other) => code(other.section === section ? other.name : `[${other.section}] ${other.name}`))
  const also = others.length === 0 ? '' : ` Also ${others.join(', ')}.`
  return `| ${code(name)} | ${cell(type.expected)} | ${isLiteral(option) || shown.includes('<') ? code(shown) : cell(shown)} | ${cell(help)}${also} |\n`
}

it('docs/reference/config.md has every option as it is (UPDATE_DOCS=1 writes them)', () => {
  const expected = renderOptions()
  expect(readReference('docs/reference/config.md', expected)).toBe(expected)
})
