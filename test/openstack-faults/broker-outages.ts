import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Keystone } from '../stand/stand.ts'
import { waitFor } from '../stand/wait.ts'
import { expectAll, settle } from './account.ts'
import { type Cloud, PATIENT, SOME } from './cloud.ts'
import { postEvents } from './load.ts'
import { openClient, startNovacast } from './novacast.ts'

const AWAY_MS = 30_000

/** What becomes of events while the broker is away, and when it comes back without its queues. */
export function testBrokerOutages(keystone: Keystone, cloud: () => Cloud): void {
  it('RabbitMQ stopped for 30 s under load: everything accepted arrives, in order per server', PATIENT, async () => {
    const { nova, sendTo } = cloud()
    const novacast = await startNovacast(nova)
    const sending = await sendTo('cell1', ['stopped-1', 'stopped-2'], { urls: [novacast.url] })
    await sending.more(SOME)
    await nova.rabbitmq.stop()
    await Promise.all([sleep(AWAY_MS), sending.more(SOME)])
    await nova.rabbitmq.start()
    await sending.more(SOME)
    await sending.stop()
    expect([...sending.answers.keys()]).toEqual([200])
    await settle(await openClient(novacast, keystone), sending.accepted, [sending.computes])
    expectAll('RabbitMQ stopped for 30 s', sending.accepted, [sending.computes])
  })

  it('RabbitMQ killed and its queues lost: everything accepted since arrives when they are there again', PATIENT, async () => {
    const { nova, sendTo } = cloud()
    const novacast = await startNovacast(nova)
    const client = await openClient(novacast, keystone)
    const [real] = await nova.seed(1, { hosts: ['compute-1'] })
    const sending = await sendTo('cell1', ['lost-1', 'lost-2'], { urls: [novacast.url], durable: false })
    await sending.more(SOME)
    // What is in a queue that is lost is lost: nothing may be in them.
    await sending.stop()
    await settle(client, sending.accepted, [sending.computes])
    await sending.computes.leave()
    await nova.rabbitmq.kill()
    sending.resume()
    await sending.more(SOME)
    const since = nova.logLength('compute-1')
    const event = { server_uuid: real?.uuid ?? '', name: 'network-changed', tag: 'after-the-kill' }
    const sender = { url: novacast.url, token: await keystone.token('nova') }
    expect(await postEvents(sender, [event])).toEqual({ status: 200, codes: [200] })
    await nova.rabbitmq.start()
    await waitFor('a cast to be returned', async () => {
      const waiting = client.events.search({ host: 'lost-1', state: 'pending', order: 'oldest' }, { limit: 1 })
      for await (const { deliveries } of waiting)
        return deliveries[0]?.last_error?.includes('has no queue for compute.lost-1') ? true : null
      return null
    })
    await sending.computes.join()
    await sending.more(SOME)
    await sending.stop()
    expect([...sending.answers.keys()]).toEqual([200])
    await settle(client, sending.accepted, [sending.computes])
    expectAll('RabbitMQ killed, its queues lost', sending.accepted, [sending.computes])
    // A real nova-compute declares its queue as soon as it is connected again.
    await nova.nextLog('compute-1', new RegExp(`${real?.uuid}.*Received event network-changed-after-the-kill`), { since })
  })
}
