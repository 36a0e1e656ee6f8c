/**
 * What the caster can do without the rest around it: casts a second over one connection to a RabbitMQ, confirmed, each of a server of
 * its own in Nova's full form (some 2.6 kB), at 1, 16, 64 and 512 in flight, to 50 hosts whose queues hold the last hundred.
 *
 *     BENCH_TRANSPORT_URL=rabbit://guest:guest@127.0.0.1:5672/ node bench/casts.ts          (BENCH_CASTS=50000)
 *
 * Uses an exchange and queues of its own there, which go with it. Processor time is this process' alone, not the broker's.
 */
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import { createRabbitCaster } from '../src/cast/rabbitmq/rabbit-caster.ts'
import { parseTransportUrl } from '../src/cast/rabbitmq/transport-url.ts'
import type { EventId, HostName, ServerId } from '../src/events/event.ts'
import type { Cell } from '../src/nova/cells.ts'
import { createLog } from '../src/observe/log.ts'
import { CELL, capturedContext, captures, instancesOf, messageOf } from '../test/nova/captures.ts'

const TRANSPORT_URL = process.env['BENCH_TRANSPORT_URL'] ?? 'rabbit://guest:guest@127.0.0.1:5672/'
const CASTS = Number(process.env['BENCH_CASTS'] ?? 50_000)
const EXCHANGE = `novacast-bench-${process.pid}`
const HOSTS = Array.from({ length: 50 }, (_, index) => `${EXCHANGE}-${index}` as HostName)

/** Queues that swallow; they end with the connection. */
async function sink() {
  const parsed = parseTransportUrl(TRANSPORT_URL)
  if (parsed.kind !== 'rabbit') throw new Error('expected BENCH_TRANSPORT_URL to be one of RabbitMQ')
  const { hosts, virtualHost } = parsed.url
  const connection = await connect({ ...hosts[0], vhost: encodeURIComponent(virtualHost) })
  const channel = await connection.createChannel()
  await channel.assertExchange(EXCHANGE, 'topic', { durable: false, autoDelete: true })
  for (const host of HOSTS) {
    await channel.assertQueue(`compute.${host}`, { durable: false, exclusive: true, maxLength: 100 })
    await channel.bindQueue(`compute.${host}`, EXCHANGE, `compute.${host}`)
  }
  return connection
}

const captured = captures.find(({ name }) => name === 'plain-network-changed')?.messages[0]
const [template] = captured === undefined ? [] : instancesOf(messageOf(captured.body), false).values()
if (template === undefined) throw new Error('expected a captured server')
const context = capturedContext()
const { userId, userName, projectId } = context.caller
const sender = { userId, userName, projectId }

function castTo(host: HostName) {
  const uuid = randomUUID()
  const serverId = uuid as ServerId
  const event = { serverId, name: 'network-vif-plugged', status: 'completed', tag: uuid } as const
  const ids = { eventId: uuid as EventId, requestId: `req-${uuid}`, globalRequestId: null, receivedAtUs: Date.now() * 1000 }
  const instance = { ...template, uuid, data: { ...template?.data, uuid } } as NonNullable<typeof template>
  const delivery = { ...ids, host, cell: CELL, event, sender, attempts: 0, tries: 0 }
  return { host, cell: CELL, deliveries: [delivery], context, instances: new Map([[serverId, instance]]) } as const
}

const cell: Cell = { id: CELL, name: 'bench', transportUrl: TRANSPORT_URL, isDisabled: false }
const cells = { cell: async () => cell, all: async () => [cell], computeVersion: async () => 64, recordActions: async () => {} }
const log = createLog({ level: 'warn' })
const caster = createRabbitCaster({ cells, rabbit: {}, controlExchange: EXCHANGE, log })
const connection = await sink()

/** So many casts, one after the other. */
async function castOneByOne(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { kind } = await caster.cast(castTo(HOSTS[i % HOSTS.length] as HostName))
    if (kind !== 'taken') throw new Error(`expected the broker to take every cast: ${kind}`)
  }
}

/** The baseline: the same channel mode and window, one body that is made once, nothing awaited but confirms. */
async function publishBare(count: number, inFlight: number): Promise<void> {
  const channel = await connection.createConfirmChannel()
  const body = Buffer.alloc(2600, 'x')
  const one = (host: string) =>
    new Promise<void>((resolve) => channel.publish(EXCHANGE, `compute.${host}`, body, { mandatory: true }, () => resolve()))
  const oneByOne = async () => {
    for (let i = 0; i < count / inFlight; i++) await one(HOSTS[i % HOSTS.length] as HostName)
  }
  await Promise.all(Array.from({ length: inFlight }, oneByOne))
  await channel.close()
}

async function measure(name: string, count: number, run: () => Promise<void>): Promise<void> {
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  await run()
  const { user, system } = process.cpuUsage(cpu)
  const rate = Math.round((1000 * count) / (performance.now() - start))
  console.log(
    `${name.padEnd(28)} ${String(rate).padStart(8)}/s ${((user + system) / count).toFixed(1).padStart(8)} µs of processor time each`,
  )
}

// V8 needs some ten thousand casts before it is at its best.
await Promise.all(Array.from({ length: 64 }, () => castOneByOne(CASTS / 64)))
await publishBare(CASTS / 5, 512)
await measure('bare amqplib, 512 in flight', CASTS, () => publishBare(CASTS, 512))
for (const inFlight of [512, 64, 16, 1]) {
  const count = inFlight === 1 ? CASTS / 10 : CASTS
  await measure(`casts, ${inFlight} in flight`, count, async () => {
    await Promise.all(Array.from({ length: inFlight }, () => castOneByOne(count / inFlight)))
  })
}
await measure('bare amqplib, 512 in flight', CASTS, () => publishBare(CASTS, 512))
await caster.close()
await connection.close()
