import { expect, it } from 'vitest'
import { createTries } from './agent-tries.ts'

it('lets each delivery be tried so often, or without end', () => {
  const tries = createTries(3)
  const said = ['a', 'a', 'b', 'a', 'a'].map((id) => tries.failed(id))
  expect(said.map(({ count, isLast }) => `${count}${isLast ? ' last' : ''}`)).toEqual(['1', '2', '1', '3 last', '1'])
  const endless = createTries(0)
  for (let i = 1; i <= 100; i++) expect(endless.failed('a')).toEqual({ count: i, isLast: false })
})

it('forgets the oldest of very many', () => {
  const tries = createTries(2)
  for (let i = 0; i <= 10_000; i++) tries.failed(String(i))
  expect([tries.failed('0').count, tries.failed('10000').count]).toEqual([1, 2])
})
