import { expect, it } from 'vitest'
import type { HostName, ServerId } from '../../events/event.ts'
import type { NovaDeliveries } from './cast-messages.ts'
import { createServerOrder, type Place } from './server-order.ts'

const about = (host: string, ...servers: string[]) =>
  servers.map((id) => ({
    delivery: { host: host as HostName, event: { serverId: id as ServerId } },
  })) as unknown as NovaDeliveries

/** Null: it waits still. */
async function saidTo({ before }: Place): Promise<boolean | null> {
  const soon = new Promise<null>((resolve) => setImmediate(() => resolve(null)))
  return before === null ? true : Promise.race([before, soon])
}

it('keeps a cast behind all that came earlier for any of its servers, whoever of them gives up', async () => {
  const order = createServerOrder()
  const [first, second, third] = [order.enter(about('h', 'a')), order.enter(about('h', 'a', 'b')), order.enter(about('h', 'b'))]
  expect([await saidTo(first), await saidTo(second), await saidTo(third)]).toEqual([true, null, null])
  second.leave(false)
  expect(await saidTo(third)).toBeNull()
  first.leave(true)
  expect([await saidTo(second), await saidTo(third)]).toEqual([true, false])
})

it('lets other servers and hosts go their way, and forgets who has left', async () => {
  const order = createServerOrder()
  const places = [order.enter(about('h', 'a')), order.enter(about('h', 'b')), order.enter(about('g', 'a'))]
  expect(places.map(({ before }) => before)).toEqual([null, null, null])
  places[0]?.leave(true)
  places[0]?.leave(false)
  expect(order.enter(about('h', 'a')).before).toBeNull()
})
