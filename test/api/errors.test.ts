import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { envelopeName, FAULTS, type FaultName, renderFault } from '../../src/api/errors.ts'

const names = Object.keys(FAULTS) as FaultName[]

it('docs/reference/errors.md has every refusal with its name and status, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| \S/gm)].map(([, name, status]) => [name, Number(status)])
  expect(rows).toEqual(names.map((name) => [envelopeName(name), FAULTS[name]]))
})

it.each(names)('writes %s in an envelope that is JSON in ASCII', (name) => {
  const body = renderFault(name, 'é "quoted"\n\ud83c')
  expect(body).toMatch(/^[ -~]+$/)
  expect(JSON.parse(body)).toEqual({ [envelopeName(name)]: { code: FAULTS[name], message: 'é "quoted"\n\ud83c' } })
})
