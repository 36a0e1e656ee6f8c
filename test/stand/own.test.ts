import { connect as connectAmqp } from 'amqplib'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import type { Database, Own } from './stand.ts'
import { describeOn, startKeystone, startMariadb, startPostgresql, startRabbitmq, useStand } from './use-stand.ts'
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

describeOn(stand, 'a service of its own keeps its addresses and data when it is stopped or killed and started again:', () => {
  it.each([
    ['mariadb', startMariadb],
    ['postgresql', startPostgresql],
  ] as const)('%s', async (engine, start) => {
    const own = await start()
    const { name } = await own.createDatabase()
    await execute(engine, own, name, 'create table kept (one int)')
    await survives(own, own.port, () => execute(engine, own, name, 'select one from kept'))
  })

  it('RabbitMQ', async () => {
    const own = await startRabbitmq()
    const vhost = await own.createVhost()
    const declared = async (queue: string) => {
      const connection = await connectAmqp(own.url(vhost))
      const channel = await connection.createChannel()
      await channel.checkQueue(queue)
      await connection.close()
    }
    const connection = await connectAmqp(own.url(vhost))
    await (await connection.createChannel()).assertQueue('kept', { durable: true })
    await connection.close()
    await survives(own, own.port, () => declared('kept'))
  })

  it('Keystone', async () => {
    const own = await startKeystone()
    await survives(own, Number(new URL(own.url).port), () => own.token('neutron'))
  })
})
