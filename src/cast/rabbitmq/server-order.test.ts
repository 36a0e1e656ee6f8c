import { expect, it } from 'vitest'
import type { ServerId } from '../../events/event.ts'
import type { NovaDeliveries } from './cast-messages.ts'
import { createServerOrder, type Place } from './server-order.ts'

const about = (...servers: string[]) =>
  servers.map((id) => ({ delivery: { event: { serverId: id as ServerId } } })) as unknown as NovaDeliveries

async function isFree({ before }: Place): Promise<boolean> {
  let isFree = before === null
  void before?.then(() => {
    isFree = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return isFree
}

it('keeps a cast behind all that came earlier for any of its servers, whoever of them gives up', async () => {
  const order = createServerOrder()
  const [first, second, third] = [order.enter(about('a')), order.enter(about('a', 'b')), order.enter(about('b'))]
  expect([await isFree(first), await isFree(second), await isFree(third)]).toEqual([true, false, false])
  second.leave()
  expect(await isFree(third)).toBe(false)
  first.leave()
  expect([await isFree(second), await isFree(third)]).toEqual([true, true])
})

it('lets other servers go their way, and forgets who has left', async () => {
  const order = createServerOrder()
  const [one, other] = [order.enter(about('a')), order.enter(about('b'))]
  expect([one.before, other.before]).toEqual([null, null])
  one.leave()
  one.leave()
  expect(order.enter(about('a')).before).toBeNull()
})
