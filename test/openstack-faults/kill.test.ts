import { expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { waitFor } from '../stand/wait.ts'
import { expectAll, settle } from './account.ts'
import { createComputes, ownHost } from './computes.ts'
import { startLoad } from './load.ts'
import { openClient, startNovacast } from './novacast.ts'

const stand = await useStand('keystone', 'rabbitmq', 'nova')

const KILLS = 3
/** Events accepted in each life before it is killed, with whatever is under way then. */
const EVENTS_BEFORE_KILL = 500

describeOn(stand, 'novacast beside Nova, killed with kill -9 under load', ({ keystone, rabbitmq, nova }) => {
  it('loses no event that was answered 200, and keeps the order of each server', async () => {
    const hosts = ['killed-1', 'killed-2', 'killed-3'].map(ownHost)
    const servers = (await nova.seed(16, { hosts })).map(({ uuid }) => uuid)
    const computes = createComputes({ url: rabbitmq.url(), hosts, durable: true })
    await computes.join()
    const novacast = await startNovacast(nova)
    const { accepted, answers, stop } = startLoad({
      urls: [novacast.url],
      token: await keystone.token('neutron'),
      servers,
      pauseMs: 1,
    })
    for (let kill = 0; kill < KILLS; kill++) {
      const before = accepted.length
      await waitFor('events to be accepted', () => accepted.length >= before + EVENTS_BEFORE_KILL || null)
      await novacast.kill()
      await novacast.start()
    }
    await stop()
    await settle(await openClient(novacast, keystone), accepted, [computes])
    expect(answers.get('broken')).toBeGreaterThan(0)
    expectAll(`${KILLS} kills`, accepted, [computes])
  })
})
