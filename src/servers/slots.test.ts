import { expect, it } from 'vitest'
import { createSlots } from './slots.ts'

it('lets so many work at a time, and the others in turn, whatever became of those before', async () => {
  const slots = createSlots(2)
  const begun: number[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const works = Array.from({ length: 5 }, (_, index) => {
    const end = Promise.withResolvers<void>()
    ends.push(end)
    return slots.run(async () => {
      begun.push(index)
      await end.promise
      return index
    })
  })
  const results = Promise.allSettled(works)
  await expect.poll(() => begun).toEqual([0, 1])
  ends[1]?.reject(new Error('away'))
  await expect.poll(() => begun).toEqual([0, 1, 2])
  ends[2]?.resolve()
  await expect.poll(() => begun).toEqual([0, 1, 2, 3])
  for (const end of ends) end.resolve()
  expect((await results).map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
    0,
    'failed',
    2,
    3,
    4,
  ])
  expect(begun).toEqual([0, 1, 2, 3, 4])
  expect(await Promise.all([5, 6].map((each) => slots.run(async () => each)))).toEqual([5, 6])
})
