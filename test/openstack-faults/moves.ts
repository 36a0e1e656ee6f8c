import { expect, it } from 'vitest'
import type { Keystone } from '../stand/stand.ts'
import { waitFor } from '../stand/wait.ts'
import { type Cloud, PATIENT, setHost } from './cloud.ts'
import { createComputes, ownHost } from './computes.ts'
import { postEvents } from './load.ts'
import { openClient, startNovacast, storiesOf } from './novacast.ts'

const SOON = { timeout: 60_000, interval: 100 }

/** What becomes of events for a server that is elsewhere, or nowhere yet, by the time at which they can be delivered. */
export function testMoves(keystone: Keystone, cloud: () => Cloud): void {
  it(
    'a server that left a host without a queue, and one that has no host yet: all arrives where it is, in order',
    PATIENT,
    async () => {
      const { nova } = cloud()
      const { url } = await nova.database.createDatabase()
      const novacast = await startNovacast(nova, `connection = ${url}\npark_unassigned = 3600\n`)
      const client = await openClient(novacast, keystone)
      const sender = { url: novacast.url, token: await keystone.token('nova') }
      const [old, next] = [ownHost('old'), ownHost('next')]
      const [server] = await nova.seed(1, { hosts: [old] })
      const uuid = server?.uuid ?? ''
      const cell1 = nova.cells[0]?.database ?? ''
      const post = (tag: string) => postEvents(sender, [{ server_uuid: uuid, name: 'network-changed', tag }])
      const storyOf = async (tag: string) => (await storiesOf(client, { server: uuid, tag }))[0]
      const computes = createComputes({ url: nova.rabbitmq.url('/'), hosts: [next], durable: true })
      await computes.join()
      const tags = () => computes.arrivals.map(({ tag }) => tag)
      const arrived = (tag: string) => waitFor(`event ${tag} to arrive`, () => tags().includes(tag) || null)

      for (const tag of ['1', '2']) expect(await post(tag)).toEqual({ status: 200, codes: [200] })
      await waitFor('the cast to the old host to be returned', async () =>
        (await storyOf('1'))?.deliveries[0]?.last_error?.includes(`has no queue for compute.${old}`) ? true : null,
      )
      await setHost(cell1, uuid, next)
      expect(await post('3')).toEqual({ status: 200, codes: [200] })
      await arrived('3')
      expect(tags()).toEqual(['1', '2', '3'])
      const endsOf = async (tag: string) => {
        const { deliveries = [] } = (await storyOf(tag)) ?? {}
        return new Map(deliveries.map(({ host, state, last_error }) => [host, [state, last_error]]))
      }
      // What arrives is written a moment later.
      await expect
        .poll(() => endsOf('1'), SOON)
        .toEqual(
          new Map([
            [old, ['superseded', `moved to ${next}`]],
            [next, ['dispatched', null]],
          ]),
        )

      await setHost(cell1, uuid, null)
      for (const tag of ['4', '5']) expect(await post(tag)).toEqual({ status: 207, codes: [422] })
      expect(await storyOf('4')).toMatchObject({ code: 422, deferral: { state: 'parked', cell: null }, deliveries: [] })
      await setHost(cell1, uuid, next)
      await arrived('5')
      expect(tags()).toEqual(['1', '2', '3', '4', '5'])
      await expect
        .poll(() => storyOf('4'), SOON)
        .toMatchObject({
          deferral: { state: 'located' },
          deliveries: [{ host: next, state: 'dispatched' }],
        })
    },
  )
}
