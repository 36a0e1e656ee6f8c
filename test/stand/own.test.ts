import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import type { Database, Own } from './stand.ts'
import { describeOn, startMariadb, startPostgresql, useStand } from './use-stand.ts'
import { isListening } from './wait.ts'

const stand = await useStand()

/** Stops, starts, kills and starts it; `check` says whether what was written before is there. */
async function survives(own: Own, port: number, check: () => Promise<unknown>): Promise<void> {
  for (const end of [own.stop, own.kill]) {
    await end()
    expect(await isListening(port)).toBe(false)
    await own.start()
    await check()
  }
  await own.remove()
  expect(await isListening(port)).toBe(false)
}

async function execute(engine: 'mariadb' | 'postgresql', at: Database, database: string, sql: string): Promise<unknown> {
  const { host, port, user, password } = at
  if (engine === 'mariadb') {
    const connection = await createConnection({ host, port, user, password, database })
    return connection.query(sql).finally(() => connection.end())
  }
  const client = new Client({ host, port, user, password, database })
  await client.connect()
  return client.query(sql).finally(() => client.end())
}

/** A broker and a Keystone take half a minute for that; test/openstack-faults/outages and test/clients/keystone-restart stop and start them. */
describeOn(stand, 'a database of its own keeps its addresses and data when it is stopped or killed and started again:', () => {
  it.each([
    ['mariadb', startMariadb],
    ['postgresql', startPostgresql],
  ] as const)('%s', async (engine, start) => {
    const own = await start()
    const { name } = await own.createDatabase()
    await execute(engine, own, name, 'create table kept (one int)')
    await survives(own, own.port, () => execute(engine, own, name, 'select one from kept'))
  })
})
