import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CastResult } from '../../../src/cast/cast.ts'
import type { CellId, HostName, ServerId } from '../../../src/events/event.ts'
import type { EventName } from '../../../src/events/names.ts'
import { ActionRefused } from '../../../src/nova/cells.ts'
import { createRandom } from '../../model/random.ts'
import { CELL, capturedContext } from '../../nova/captures.ts'
import { describeOn, useStand } from '../../stand/use-stand.ts'
import { casterOf, castOf, cellTable, connectTo, eventually, instanceOf, listen } from './rig.ts'

const stand = await useStand('rabbitmq')

describeOn(stand, 'a cast over RabbitMQ', ({ rabbitmq }) => {
  let vhost: string
  beforeAll(async () => {
    vhost = await rabbitmq.createVhost()
  })

  /** A cell, and a connection to its broker. Tests share it: each has hosts of its own. */
  async function cell() {
    return { connection: await connectTo(rabbitmq.url(vhost)), cells: cellTable(rabbitmq.transportUrl(vhost)) }
  }

  it("arrives in the host's queue with the properties that Nova's have, and no others", async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'compute.with.dots')
    const { caster } = casterOf(cells)
    const cast = castOf('compute.with.dots', [{ tag: 'port' }])
    expect(await caster.cast(cast)).toEqual({ kind: 'taken' })
    await inbox.until(1)
    const [{ fields, properties }] = inbox.raw as [(typeof inbox.raw)[number]]
    expect([fields.exchange, fields.routingKey]).toEqual(['nova', 'compute.compute.with.dots'])
    const set = Object.entries(properties).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(set)).toEqual({
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      deliveryMode: 2,
      priority: 0,
    })
    const [message] = inbox.messages()
    expect(message?._context_request_id).toBe(cast.deliveries[0].requestId)
    expect(message?.args.events[0]?.['nova_object.data']['tag']).toBe('port')
  })

  it('keeps the order of hundreds for one host, many of them unconfirmed at a time', async () => {
    const { connection, cells } = await cell()
    const inboxes = await Promise.all(['a', 'b', 'c'].map((host) => listen(connection, host)))
    const { caster } = casterOf(cells)
    const casts = Array.from({ length: 3000 }, (_, i) => castOf('abc'.charAt(i % 3), [{ tag: String(i) }]))
    const results = await Promise.all(casts.map((cast) => caster.cast(cast)))
    expect(results.every(({ kind }) => kind === 'taken')).toBe(true)
    for (const [index, inbox] of inboxes.entries()) {
      await inbox.until(1000)
      const tags = inbox.messages().map(({ args }) => Number(args.events[0]?.['nova_object.data']['tag']))
      expect(tags).toEqual(Array.from({ length: 1000 }, (_, i) => 3 * i + index))
    }
  })

  it('puts what is for threads that wait on one host into few messages, each with what became of its own', async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'storm')
    const { caster } = casterOf(cells)
    const cast = (host: string, tag: string, name: EventName = 'network-vif-plugged') =>
      caster.cast({ ...castOf(host, [{ name, tag }]), context })
    const context = capturedContext()
    const names = Array.from({ length: 30 }, (_, i) => (i === 20 ? 'network-changed' : 'network-vif-plugged'))
    const here = names.map((name, i) => cast('storm', String(i), name))
    const nowhere = [cast('nobody-of-this-name', 'a'), cast('nobody-of-this-name', 'b')]
    expect(await Promise.all(here)).toEqual(here.map(() => ({ kind: 'taken' })))
    expect((await Promise.all(nowhere)).map(({ kind }) => kind)).toEqual(['returned', 'returned'])
    const arrived = () => inbox.messages().map(({ args }) => args.events.map((event) => Number(event['nova_object.data']['tag'])))
    await eventually('30 events', () => arrived().flat().length >= 30)
    const tags = arrived()
    expect(tags.flat()).toEqual(names.map((_, i) => i))
    expect(tags).toContainEqual([20])
    expect(tags.length).toBeLessThan(10)
    for (const { args } of inbox.messages()) expect(args.instances).toHaveLength(args.events.length)
  })

  it("keeps a server's order while instance actions are written, and lets other servers pass", async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'extends')
    const written = Promise.withResolvers<void>()
    const { caster } = casterOf({ ...cells, recordActions: () => written.promise })
    const [one, other] = [instanceOf(), instanceOf()]
    const castAbout = ({ uuid }: typeof one, name: 'volume-extended' | 'network-changed', tag: string) => {
      const instances = new Map([one, other].map((each) => [each.uuid as ServerId, each]))
      return caster.cast(castOf('extends', [{ serverId: uuid as ServerId, name, tag }], { instances }))
    }
    const casting = [
      castAbout(one, 'network-changed', '1'),
      castAbout(one, 'volume-extended', '2'),
      castAbout(one, 'network-changed', '3'),
      castAbout(one, 'volume-extended', '4'),
      castAbout(other, 'network-changed', 'passes'),
      castAbout(one, 'network-changed', '5'),
    ]
    await inbox.until(2)
    written.resolve()
    expect((await Promise.all(casting)).every(({ kind }) => kind === 'taken')).toBe(true)
    await inbox.until(6)
    const tags = inbox.messages().map(({ args }) => args.events[0]?.['nova_object.data']['tag'])
    expect(tags).toEqual(['1', 'passes', '2', '3', '4', '5'])
  })

  it('holds back what is behind a cast that is refused or not ready: it would have to leave again', async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'behind')
    const { caster } = casterOf({ ...cells, recordActions: () => Promise.reject(new ActionRefused('the row is too long')) })
    const [one, other] = [instanceOf(), instanceOf()]
    const instances = new Map([one, other].map((each) => [each.uuid as ServerId, each]))
    const castAbout = ({ uuid }: typeof one, name: 'volume-extended' | 'network-changed') =>
      caster.cast(castOf('behind', [{ serverId: uuid as ServerId, name }], { instances }))
    const casting = [castAbout(one, 'volume-extended'), castAbout(one, 'network-changed'), castAbout(other, 'network-changed')]
    expect((await Promise.all(casting)).map(({ kind }) => kind)).toEqual(['refused', 'unready', 'taken'])
    expect(await castAbout(one, 'network-changed')).toEqual({ kind: 'taken' })
    await inbox.until(2)
    expect(inbox.messages().map(({ args }) => args.events[0]?.['nova_object.data']['instance_uuid'])).toEqual([
      other.uuid,
      one.uuid,
    ])
  })

  it('keeps the order of each server whichever it shares casts with, whatever becomes of actions', async () => {
    const { connection, cells } = await cell()
    const hosts = ['shares-a', 'shares-b']
    const inboxes = await Promise.all(hosts.map((host) => listen(connection, host)))
    const random = createRandom(19)
    const recordActions = async () => {
      if (random.chance(0.2)) throw new ActionRefused('the row is too long')
      await sleep(random.below(20))
    }
    const { caster } = casterOf({ ...cells, recordActions })
    const servers = Array.from({ length: 5 }, () => instanceOf())
    const instances = new Map(servers.map((each) => [each.uuid as ServerId, each]))
    const casting: { readonly host: string; readonly result: Promise<CastResult> }[] = []
    for (let tag = 0; casting.length < 600; ) {
      const events = Array.from({ length: 1 + random.below(3) }, () => {
        const serverId = random.pick(servers).uuid as ServerId
        return { serverId, name: random.chance(0.2) ? 'volume-extended' : 'network-changed', tag: String(tag++) } as const
      })
      const more = { instances, context: null }
      for (const host of hosts) casting.push({ host, result: caster.cast(castOf(host, events, more)) })
      if (random.chance(0.2)) await sleep(5)
    }
    const results = await Promise.all(casting.map(async ({ host, result }) => ({ host, kind: (await result).kind })))
    expect([...new Set(results.map(({ kind }) => kind))].toSorted()).toEqual(['refused', 'taken', 'unready'])
    for (const [i, inbox] of inboxes.entries()) {
      await inbox.until(results.filter(({ host, kind }) => host === hosts[i] && kind === 'taken').length)
      const arrived = inbox.messages().flatMap(({ args }) => args.events.map((event) => event['nova_object.data']))
      for (const { uuid } of servers) {
        const tags = arrived.filter(({ instance_uuid }) => instance_uuid === uuid).map(({ tag }) => Number(tag))
        expect(tags).toEqual(tags.toSorted((one, other) => one - other))
      }
    }
  })

  it('is returned for a host that nobody listens for, and only that one', async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'there-4')
    const { caster } = casterOf(cells)
    const hosts = Array.from({ length: 300 }, (_, i) => (i % 3 === 1 ? 'nowhere' : 'there-4'))
    const results = await Promise.all(hosts.map((host) => caster.cast(castOf(host))))
    expect(results.map(({ kind }) => kind)).toEqual(hosts.map((host) => (host === 'there-4' ? 'taken' : 'returned')))
    expect(results[1]).toEqual({ kind: 'returned', reason: expect.stringContaining('no queue for compute.nowhere') })
    await inbox.until(200)
  })

  it("is away where the host's queue is full and refuses it", async () => {
    const { connection, cells } = await cell()
    const channel = await connection.createChannel()
    await channel.assertExchange('nova', 'topic', { durable: false })
    await channel.assertQueue('compute.full', {
      durable: false,
      maxLength: 1,
      arguments: { 'x-overflow': 'reject-publish' },
    })
    await channel.bindQueue('compute.full', 'nova', 'compute.full')
    const { caster } = casterOf(cells)
    expect(await caster.cast(castOf('full'))).toEqual({ kind: 'taken' })
    expect(await caster.cast(castOf('full'))).toEqual({ kind: 'away', reason: expect.stringContaining('refused the message') })
  })

  it('goes to compute-alt where the nova-compute of the host has it, and never where not', async () => {
    const { connection, cells } = await cell()
    cells.versions.set('new', 71).set('old', 70)
    const inboxes = [await listen(connection, 'new', { topic: 'compute-alt' }), await listen(connection, 'old')]
    const { caster } = casterOf(cells)
    for (const host of ['new', 'old']) expect(await caster.cast(castOf(host))).toEqual({ kind: 'taken' })
    for (const inbox of inboxes) await inbox.until(1)
  })

  it('fails for a cell without a broker, and for a host of no cell', async () => {
    const { caster } = casterOf(cellTable('none:///'))
    const cast = castOf('host-6')
    const reason = expect.stringContaining('has no broker')
    expect(await caster.cast(cast)).toEqual({ kind: 'failed', failed: [{ delivery: cast.deliveries[0], reason }] })
    expect(await caster.cast({ ...cast, cell: null })).toEqual({
      kind: 'failed',
      failed: [{ delivery: cast.deliveries[0], reason }],
    })
  })

  it('is away for a cell that nobody knows, that cannot be looked up, or of which the URL is none', async () => {
    const { cells } = await cell()
    const { caster } = casterOf({
      ...cells,
      cell: (id) => (id === CELL ? Promise.reject(new Error('nova_api is down')) : cells.cell(id)),
    })
    expect(await caster.cast(castOf('host-7'))).toEqual({ kind: 'away', reason: expect.stringContaining('nova_api is down') })
    const unknown = castOf('host-7', [{}], { cell: 'gone' as CellId })
    expect(await caster.cast(unknown)).toEqual({ kind: 'away', reason: expect.stringContaining('gone') })
    const { caster: other } = casterOf(cellTable('amqp://user:secret@host/'))
    expect(await other.cast(castOf('host-7'))).toEqual({
      kind: 'away',
      reason: expect.stringMatching(/cell1: expected the driver rabbit/),
    })
  })

  it('goes on without the deliveries that cannot be made, and says which', async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'host-8')
    const { caster, lines } = casterOf(cells)
    const cast = castOf('host-8', [
      { name: 'power-update', tag: 'REBOOT' },
      {},
      { serverId: 'gone' as never },
      { name: 'power-update', tag: 'power_on' },
      { name: 'power-update', tag: 'POWER_ON' },
    ])
    expect(await caster.cast(cast)).toEqual({
      kind: 'failed',
      failed: [
        { delivery: cast.deliveries[0], reason: 'invalid power state "REBOOT": expected POWER_ON or POWER_OFF' },
        { delivery: cast.deliveries[2], reason: 'Nova has no such server any more' },
        { delivery: cast.deliveries[3], reason: 'invalid power state "power_on": expected POWER_ON or POWER_OFF' },
      ],
    })
    await inbox.until(1)
    expect(inbox.messages()[0]?.args.events.map(({ 'nova_object.data': { name, tag } }) => [name, tag])).toEqual([
      ['network-changed', null],
      ['power-update', 'POWER_ON'],
    ])
    expect(lines.join('')).toContain('invalid power state')
  })

  it('casts to nobody where nothing is left to tell', async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'host-9')
    const { caster } = casterOf(cells)
    expect((await caster.cast(castOf('host-9', [{ name: 'power-update', tag: 'REBOOT' }]))).kind).toBe('failed')
    expect((await caster.cast(castOf('host-9'))).kind).toBe('taken')
    await inbox.until(1)
    expect(inbox.messages()[0]?.args.events).toHaveLength(1)
  })

  it('takes any text a server may carry', async () => {
    const { connection, cells } = await cell()
    const inbox = await listen(connection, 'host-10')
    const { caster } = casterOf(cells)
    const cast = castOf('host-10')
    const odd = ['é "quoted" \\ back\u2028slash \u0000 😀 \ud800', ',"_unique_id":"0', 'x'.repeat(200_000)]
    for (const text of odd) {
      const instances = new Map(
        [...cast.instances].map(([id, one]) => [id, { ...one, data: { ...one.data, display_name: text } }]),
      )
      expect(await caster.cast({ ...cast, instances })).toEqual({ kind: 'taken' })
      const nowhere = {
        ...cast,
        host: 'nowhere' as HostName,
        deliveries: [{ ...cast.deliveries[0], host: 'nowhere' as HostName }] as const,
      }
      expect(await caster.cast({ ...nowhere, instances })).toMatchObject({ kind: 'returned' })
    }
    await inbox.until(odd.length)
    expect(inbox.messages().map(({ args }) => args.instances[0]?.['nova_object.data']['display_name'])).toEqual(odd)
  })

  it('does not stumble over a host whose name is too long for a routing key', async () => {
    const { connection, cells } = await cell()
    await listen(connection, 'host-11')
    const { caster } = casterOf(cells)
    expect((await caster.cast(castOf('h'.repeat(255)))).kind).toBe('away')
    expect((await caster.cast(castOf('host-11'))).kind).toBe('taken')
  })

  describe('speaks to the exchange as it is:', () => {
    it.each([
      ['a durable one, though not configured so', true, {}],
      ['one that is not durable, though configured durable', false, { amqp_durable_queues: 'true' }],
      ['a durable one, with quorum queues configured', true, { rabbit_quorum_queue: 'true' }],
    ])('%s', async (name, durable, options) => {
      const { connection, cells } = await cell()
      const inbox = await listen(connection, name, { durable, exchange: name })
      const { caster } = casterOf(cells, options, name)
      expect(await caster.cast(castOf(name))).toEqual({ kind: 'taken' })
      await inbox.until(1)
    })

    it('makes it where there is none', async () => {
      const { cells } = await cell()
      const made = {
        plain: {},
        durable: { amqp_durable_queues: 'true' },
        quorum: { rabbit_quorum_queue: 'true' },
        fleeting: { amqp_auto_delete: '1' },
      }
      for (const [exchange, options] of Object.entries(made)) {
        const { caster } = casterOf(cells, options, exchange)
        expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
      }
      const exchanges = await rabbitmq.ctl(
        'list_exchanges',
        '-p',
        vhost,
        'name',
        'type',
        'durable',
        'auto_delete',
        '--no-table-headers',
      )
      expect(
        exchanges
          .split('\n')
          .filter((line) => (line.split('\t')[0] as string) in made)
          .toSorted(),
      ).toEqual([
        'durable\ttopic\ttrue\tfalse',
        'fleeting\ttopic\tfalse\ttrue',
        'plain\ttopic\tfalse\tfalse',
        'quorum\ttopic\ttrue\tfalse',
      ])
    })

    it('makes it again when it is deleted while connected', async () => {
      const { cells, connection } = await cell()
      const { caster } = casterOf(cells, {}, 'deleted')
      expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
      await (await connection.createChannel()).deleteExchange('deleted')
      expect(await caster.cast(castOf('nowhere'))).toEqual({
        kind: 'away',
        reason: expect.stringContaining("no exchange 'deleted'"),
      })
      await new Promise<void>((resolve) => caster.onReachable(() => resolve()))
      expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
    })
  })

  it.each(['PLAIN', 'AMQPLAIN'])('logs in by %s, and tells the broker who it is', async (rabbit_login_method) => {
    const { cells } = await cell()
    const { caster } = casterOf(cells, { rabbit_login_method })
    expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
    const connections = await rabbitmq.ctl('list_connections', 'auth_mechanism', 'client_properties', '--no-table-headers')
    const ours = connections.split('\n').filter((line) => line.includes(`novacast:${process.pid}:`))
    expect(ours.some((line) => line.startsWith(`${rabbit_login_method}\t`))).toBe(true)
  })

  it.each(['a b', 'with%2Fpercent', 'deep/er', 'ü'])('finds the virtual host %s', async (name) => {
    await rabbitmq.createVhost(name)
    const { user, password, host, port } = rabbitmq
    const { caster } = casterOf(cellTable(`rabbit://${user}:${password}@${host}:${port}/${encodeURIComponent(name)}`))
    expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
  })

  it.each([
    ['a wrong password', (url: string) => url.replace(/:[^:@/]+@/, ':wrong-secret@'), /ACCESS_REFUSED/],
    ['a virtual host that is not there', (url: string) => `${url}-not`, /has the broker this virtual host/],
    ['a port where nobody listens', (url: string) => url.replace(/:\d+\//, ':1/'), /ECONNREFUSED/],
  ])('is away with the reason, and without secrets: %s', async (_, change, reason) => {
    const { caster, lines } = casterOf(cellTable(change(rabbitmq.transportUrl(vhost))))
    expect(await caster.cast(castOf('host-11'))).toEqual({ kind: 'away', reason: expect.stringMatching(reason) })
    expect(lines.join('')).toMatch(reason)
    expect(lines.join('')).not.toContain('secret')
  })
})
