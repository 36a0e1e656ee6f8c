import { beforeAll, expect, it } from 'vitest'
import { checkBrokers } from '../../../src/cast/rabbitmq/check.ts'
import { CELL } from '../../nova/captures.ts'
import { describeOn, useStand } from '../../stand/use-stand.ts'
import { connectTo } from './rig.ts'

const stand = await useStand('rabbitmq')

describeOn(stand, 'the check of a broker', ({ rabbitmq }) => {
  let vhost: string
  beforeAll(async () => {
    vhost = await rabbitmq.createVhost()
  })
  const check = (transportUrl: string, rabbit = {}) =>
    checkBrokers({ cells: [{ id: CELL, name: 'cell1', transportUrl, isDisabled: false }], rabbit, controlExchange: 'nova' })

  it('says what is there, and makes nothing', async () => {
    const at = `${rabbitmq.user}@${rabbitmq.host}:${rabbitmq.port}, virtual host ${vhost}`
    const name = 'broker of cell1'
    const bare = { name, ok: true, detail: `${at}: exchange nova is not there yet; the first cast makes it`, mend: null }
    expect(await check(rabbitmq.transportUrl(vhost))).toEqual([bare])
    expect(await check(rabbitmq.transportUrl(vhost))).toEqual([bare])
    const channel = await (await connectTo(rabbitmq.url(vhost))).createChannel()
    await channel.assertExchange('nova', 'topic', { durable: false })
    await channel.assertQueue('compute', { durable: false })
    for (const _ of [1, 2]) await channel.consume('compute', () => {})
    const detail = `${at}: exchange nova, 2 nova-computes listen`
    expect(await check(rabbitmq.transportUrl(vhost))).toEqual([{ name, ok: true, detail, mend: null }])
  })

  it('looks at each host of a cell, and at no cell without a broker', async () => {
    const { user, password, host, port } = rabbitmq
    const lines = await check(`rabbit://${user}:${password}@${host}:${port},u:secret@127.0.0.1:1/${vhost}`)
    expect(lines.map(({ ok }) => ok)).toEqual([true, false])
    expect(await check('none:///')).toEqual([])
  })

  it.each([
    ['a wrong password', (url: string) => url.replace(/:[^:@/]+@/, ':secret@'), /ACCESS_REFUSED/, /password/],
    ['no such virtual host', (url: string) => `${url}-not`, /virtual host/, /add_vhost/],
    ['nobody there', (url: string) => url.replace(/:\d+\//, ':1/'), /ECONNREFUSED/, /runs/],
    [
      'not a URL of RabbitMQ',
      () => 'amqp://u:secret@h/',
      /expected the driver rabbit/,
      /--transport-url URL --database_connection URL/,
    ],
    ['an unknown option', (url: string) => `${url}?secret_option=1`, /secret_option/, /--transport-url/],
    ['TLS that the broker does not speak', (url: string) => `${url}?ssl=1`, /SSL routines.*\S$/, /ssl_/],
  ])('says what is wrong and how to mend it: %s', async (_, change, detail, mend) => {
    const [line] = await check(change(rabbitmq.transportUrl(vhost)))
    expect(line).toMatchObject({ ok: false, detail: expect.stringMatching(detail), mend: expect.stringMatching(mend) })
    expect(JSON.stringify(line)).not.toMatch(/:secret@/)
  })
})
