import { expect, it } from 'vitest'
import { createTurns } from './turns.ts'

it('lets so many of a queue work at once, in the order in which they asked, while that queue may', async () => {
  let mayBegin = true
  const turns = createTurns<string>({ most: 2, mayBegin: (queue) => mayBegin || queue !== 'a' })
  const begun: number[] = []
  const ends: (() => void)[] = []
  for (let i = 0; i < 5; i++)
    turns.take('a', () => {
      begun.push(i)
      return new Promise((resolve) => ends.push(resolve))
    })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  expect(begun).toEqual([0, 1])
  ends[1]?.()
  await settled()
  expect(begun).toEqual([0, 1, 2])
  mayBegin = false
  ends[0]?.()
  await settled()
  expect(begun).toEqual([0, 1, 2])
  let hasBegun = false
  turns.take('b', async () => {
    hasBegun = true
  })
  expect(hasBegun).toBe(true)
  expect(begun).toEqual([0, 1, 2])
  mayBegin = true
  turns.next()
  expect(begun).toEqual([0, 1, 2, 3])
  turns.close()
  for (const end of ends) end()
  await settled()
  expect(begun).toEqual([0, 1, 2, 3])
})
