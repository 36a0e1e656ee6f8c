import { expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { waitFor } from '../stand/wait.ts'
import { accountFor, expectAll, settle } from './account.ts'
import { PATIENT, SOME, untilMore } from './cloud.ts'
import { createComputes, ownHost } from './computes.ts'
import { postEvents, startLoad } from './load.ts'
import { openClient, startNovacast, storiesOf } from './novacast.ts'

const stand = await useStand('keystone', 'rabbitmq', 'mariadb', 'postgresql', 'nova')

/** A replica is taken for dead after 5 s, which is looked for each second; the rest is for a busy machine. */
const TAKEOVER_MS = 60_000

describeOn(stand, 'two replicas over one journal, one killed with kill -9', ({ keystone, rabbitmq, nova, ...databases }) => {
  it.each(['mariadb', 'postgresql'] as const)('in %s: the other delivers what was left', PATIENT, async (engine) => {
    const { url } = await databases[engine].createDatabase()
    const doomed = await startNovacast(nova, `connection = ${url}\n`)
    const heir = await startNovacast(nova, `connection = ${url}\n`)
    const client = await openClient(heir, keystone)
    const token = await keystone.token('neutron')
    const [there, absent] = [[ownHost('there-1'), ownHost('there-2')], ownHost('absent')]
    const [known, ...servers] = (await nova.seed(16, { hosts: [absent, ...there] })).map(({ uuid }) => uuid)
    const present = createComputes({ url: rabbitmq.url(), hosts: there, durable: true })
    const late = createComputes({ url: rabbitmq.url(), hosts: [absent], durable: true })
    await present.join()
    const load = startLoad({ urls: [doomed.url, heir.url], token, servers })
    await untilMore(load, SOME)
    const event = { server_uuid: known ?? '', name: 'network-changed', tag: `left-in-${engine}` }
    expect(await postEvents({ url: doomed.url, token }, [event])).toEqual({ status: 200, codes: [200] })
    await untilMore(load, SOME)

    await doomed.kill()
    const killedMs = performance.now()
    const before = [...load.accepted, { server: event.server_uuid, tag: event.tag, atMs: 0, tookMs: 0 }]
    await late.join()
    await waitFor('what was accepted before the kill', () => {
      const { lost } = accountFor(before, [...present.arrivals, ...late.arrivals])
      return lost.length === 0 || null
    })
    const tookMs = Math.round(performance.now() - killedMs)
    console.log(`${engine}: all of ${before.length} events accepted before the kill had arrived ${tookMs} ms after it`)
    expect(tookMs).toBeLessThan(TAKEOVER_MS)

    await doomed.start()
    await untilMore(load, SOME)
    await load.stop()
    await settle(client, load.accepted, [present, late])
    expectAll(`a replica killed, the journal in ${engine}`, load.accepted, [present, late])
    expect(await storiesOf(client, { tag: event.tag })).toMatchObject([
      { code: 200, deliveries: [{ host: absent, state: 'dispatched' }] },
    ])
    // The first that went to the host says why the others waited behind it.
    const [first] = await storiesOf(client, { host: absent, order: 'oldest' })
    const last_error = expect.stringContaining(`no queue for compute.${absent}`)
    expect(first).toMatchObject({ deliveries: [{ host: absent, state: 'dispatched', last_error }] })
  })
})
