import { expect, it } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { expectAll, settle } from './account.ts'
import { PATIENT, untilMore } from './cloud.ts'
import { createComputes, ownHost } from './computes.ts'
import { startLoad } from './load.ts'
import { openClient, startNovacast } from './novacast.ts'

const stand = await useStand('keystone', 'rabbitmq', 'mariadb', 'postgresql', 'nova')

const RELOADS = 2
const SOME = 100

describeOn(stand, 'novacast beside Nova, its journal in a database', ({ keystone, rabbitmq, mariadb, postgresql, nova }) => {
  it.each([
    ['MariaDB', mariadb],
    ['PostgreSQL', postgresql],
  ] as const)(
    'is replaced under load by new processes: every request is answered 200, every event arrives in order: %s',
    PATIENT,
    async (engine, database) => {
      const hosts = ['reloaded-1', 'reloaded-2'].map(ownHost)
      const servers = (await nova.seed(8, { hosts })).map(({ uuid }) => uuid)
      const computes = createComputes({ url: rabbitmq.url(), hosts, durable: true })
      await computes.join()
      const { url } = await database.createDatabase()
      const novacast = await startNovacast(nova, `connection = ${url}\n`)
      const load = startLoad({ urls: [novacast.url], token: await keystone.token('neutron'), servers, pauseMs: 5 })
      await untilMore(load, SOME)
      for (let reload = 0; reload < RELOADS; reload++) {
        await novacast.reload()
        await untilMore(load, SOME)
      }
      await load.stop()
      expect([...load.answers.keys()]).toEqual([200])
      await settle(await openClient(novacast, keystone), load.accepted, [computes])
      expectAll(`${RELOADS} reloads, the journal in ${engine}`, load.accepted, [computes])
    },
  )
})
