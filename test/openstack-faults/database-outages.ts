import { expect, it } from 'vitest'
import type { Keystone } from '../stand/stand.ts'
import { waitFor } from '../stand/wait.ts'
import { expectAll, latenciesMs, quantile, settle } from './account.ts'
import { type Cloud, hideServer, PATIENT, SOME, takeActions } from './cloud.ts'
import { createComputes, ownHost } from './computes.ts'
import { postEvents } from './load.ts'
import { openClient, startNovacast, storiesOf } from './novacast.ts'

/** Requests that are refused before a database is started again. */
const REFUSALS = 30

/** What becomes of events while databases are away: a cell's, or all, that of the journal among them. */
export function testDatabaseOutages(keystone: Keystone, cloud: () => Cloud): void {
  it(
    'instance actions cannot be written: only servers that need one wait, and others of their host do not',
    PATIENT,
    async () => {
      const { nova } = cloud()
      const novacast = await startNovacast(nova)
      const client = await openClient(novacast, keystone)
      const sender = { url: novacast.url, token: await keystone.token('nova') }
      const host = ownHost('actions')
      const computes = createComputes({ url: nova.rabbitmq.url('/'), hosts: [host], durable: true })
      await computes.join()
      const servers = await nova.seed(2, { hosts: [host] })
      const [extended, other] = servers.map(({ uuid }) => uuid)
      const post = async (server_uuid: string | undefined, name: string, tag: string) => {
        const event = { server_uuid: server_uuid ?? '', name, tag }
        expect(await postEvents(sender, [event])).toEqual({ status: 200, codes: [200] })
      }
      const tags = () => computes.arrivals.map(({ tag }) => tag)
      const putBack = await takeActions(nova.cells[0]?.database ?? '')
      try {
        await post(extended, 'volume-extended', '1')
        await waitFor('the reason to be told', async () => {
          const [story] = await storiesOf(client, { server: extended ?? '' })
          return story?.deliveries[0]?.last_error?.startsWith('the instance action cannot be written: ') || null
        })
        await post(extended, 'network-changed', '2')
        for (const tag of ['3', '4', '5']) await post(other, 'network-changed', tag)
        await waitFor('what needs no action to arrive', () => tags().length === 3 || null)
      } finally {
        await putBack()
      }
      await waitFor('the rest to arrive', () => tags().length === 5 || null)
      expect(tags()).toEqual(['3', '4', '5', '1', '2'])
    },
  )

  it(
    'the database of one of two cells stopped: the other cell’s events flow, its own are accepted and delivered when it is back',
    PATIENT,
    async () => {
      const { nova, sendTo } = cloud()
      const [, cell2] = nova.cells
      const novacast = await startNovacast(nova)
      const client = await openClient(novacast, keystone)
      const [gone, far1] = await nova.seed(2, { cell: 'cell2', hosts: ['far-1'] })
      const [near1] = await nova.seed(1, { hosts: ['near-1'] })
      await hideServer(cell2?.database ?? '', gone?.uuid ?? '')
      const near = await sendTo('cell1', ['near-1', 'near-2'], { urls: [novacast.url] })
      const far = await sendTo('cell2', ['far-1', 'far-2'], { urls: [novacast.url] })
      await Promise.all([near.more(SOME), far.more(SOME)])

      await nova.cell2Database?.stop()
      const first = near.accepted.length
      await Promise.all([near.more(SOME), far.more(SOME)])
      const events = [near1, far1, gone].map((server) => ({ server_uuid: server?.uuid ?? '', name: 'network-changed', tag: '0' }))
      const sender = { url: novacast.url, token: await keystone.token('nova') }
      expect(await postEvents(sender, events)).toEqual({ status: 200, codes: [200, 200, 200] })
      const hasArrived = (at: typeof near, server: typeof near1) => () =>
        at.computes.arrivals.some((arrival) => arrival.server === server?.uuid) || null
      await waitFor('the event of a request that has others for the other cell', hasArrived(near, near1))
      await near.more(SOME)
      const last = near.accepted.length
      const storyOf = async (server: typeof near1) => (await storiesOf(client, { server: server?.uuid }))[0]
      expect(await storyOf(gone)).toMatchObject({ deferral: { state: 'waiting' }, deliveries: [] })

      await nova.cell2Database?.start()
      await Promise.all([near.more(SOME), far.more(SOME)])
      await Promise.all([near.stop(), far.stop()])
      expect([...near.answers.keys(), ...far.answers.keys()]).toEqual([200, 200])
      const all = [near.computes, far.computes]
      await settle(client, [...near.accepted, ...far.accepted], all)
      await waitFor('the event that was deferred', hasArrived(far, far1))
      expectAll('the database of cell2 stopped', [...near.accepted, ...far.accepted], all)
      expect(await storyOf(far1)).toMatchObject({
        deferral: { state: 'located' },
        deliveries: [{ host: 'far-1', state: 'dispatched' }],
      })
      expect(await storyOf(gone)).toMatchObject({ deferral: { state: 'refused', reason: 'unknown server' }, deliveries: [] })

      const [before, during] = [near.accepted.slice(0, first), near.accepted.slice(first, last)].map((some) =>
        quantile(latenciesMs(some, near.computes), 0.95),
      )
      console.log(`95 of 100 events of cell1 arrived within ${before} ms, and ${during} ms while the database of cell2 was down`)
      // Nothing waits for a time-out: the shortest takes 3 s.
      expect(during).toBeLessThan(3 * (before ?? 0) + 2500)
    },
  )

  it(
    'all databases stopped, then killed, under load: what is answered 200 is delivered, all else is 503 or broken',
    PATIENT,
    async () => {
      const { nova, sendTo } = cloud()
      const { url } = await nova.database.createDatabase()
      const novacast = await startNovacast(nova, `connection = ${url}\n`)
      const sending = await sendTo('cell1', ['restarted-1', 'restarted-2'], { urls: [novacast.url] })
      const refusals = () => (sending.answers.get(503) ?? 0) + (sending.answers.get('broken') ?? 0)
      await sending.more(SOME)
      for (const how of ['stop', 'kill'] as const) {
        const before = refusals()
        await nova.database[how]()
        await waitFor('requests to be refused', () => refusals() >= before + REFUSALS || null)
        await nova.database.start()
        await sending.more(SOME)
      }
      await sending.stop()
      console.log('answers while databases were stopped and killed:', Object.fromEntries(sending.answers))
      expect(novacast.isAlive()).toBe(true)
      expect([200, 503, 'broken']).toEqual(expect.arrayContaining([...sending.answers.keys()]))
      await settle(await openClient(novacast, keystone), sending.accepted, [sending.computes])
      expectAll('all databases stopped, then killed', sending.accepted, [sending.computes])
    },
  )
}
