import { randomUUID } from 'node:crypto'
import { type ChannelModel, type ConsumeMessage, connect } from 'amqplib'
import { onTestFinished } from 'vitest'
import type { Cast, Caster } from '../../../src/cast/cast.ts'
import { createRabbitCaster } from '../../../src/cast/rabbitmq/rabbit-caster.ts'
import type { CellId, EventId, ExternalEvent, HostName, ServerId } from '../../../src/events/event.ts'
import type { Delivery } from '../../../src/journal/journal.ts'
import type { Cell, InstanceAction, NovaCells } from '../../../src/nova/cells.ts'
import type { Instance } from '../../../src/nova/instance.ts'
import { createLog } from '../../../src/observe/log.ts'
import { CELL, capturedContext, captures, instancesOf, type Message, messageOf } from '../../nova/captures.ts'

/** A cloud's cells as a table that a test may change; what is recorded in them is kept. */
export interface CellTable extends NovaCells {
  readonly rows: Map<CellId, Cell>
  readonly versions: Map<string, number>
  readonly recorded: { readonly cell: CellId; readonly action: InstanceAction; readonly unlessThere: boolean }[]
  /** What writing fails with; null: it works. */
  trouble: string | Error | null
}

/** A table with one cell that has this transport URL. */
export function cellTable(transportUrl: string): CellTable {
  const rows = new Map([[CELL, { id: CELL, name: 'cell1', transportUrl, isDisabled: false }]])
  const table: CellTable = {
    rows,
    versions: new Map(),
    recorded: [],
    trouble: null,
    cell: async (id) => rows.get(id) ?? null,
    all: async () => [...rows.values()],
    computeVersion: async (_, host) => table.versions.get(host) ?? null,
    recordActions: async (cell, actions, { unlessThere }) => {
      if (table.trouble !== null) throw table.trouble instanceof Error ? table.trouble : new Error(table.trouble)
      for (const action of actions) table.recorded.push({ cell, action, unlessThere })
    },
  }
  return table
}

/** Short pauses, so that a test need not wait as an operator would. */
export const QUICK = { rabbit_retry_interval: '0.2', rabbit_retry_backoff: '0', kombu_reconnect_delay: '0.2' }

/** A caster that is closed when its test is over, and what it says. */
export function casterOf(
  cells: NovaCells,
  rabbit: Readonly<Record<string, string>> = {},
  controlExchange = 'nova',
): { caster: Caster; lines: string[] } {
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } })
  const caster = createRabbitCaster({ cells, rabbit: { ...QUICK, ...rabbit }, controlExchange, log })
  onTestFinished(() => caster.close())
  return { caster, lines }
}

const plain = captures.find(({ name }) => name === 'plain-network-changed')?.messages[0]
if (plain === undefined) throw new Error('expected a captured plain-network-changed')
const [template] = instancesOf(messageOf(plain.body), false).values()

/** A server of its own id, else as one of Nova's rows. */
export function instanceOf(uuid: string = randomUUID(), more: Partial<Instance> = {}): Instance {
  if (template === undefined) throw new Error('expected a server in the captured message')
  return { ...template, uuid, data: { ...template.data, uuid }, ...more }
}

let count = 0

/** A cast of these events about one server, made as if it had just been accepted. */
export function castOf(host: string, events: readonly Partial<ExternalEvent>[] = [{}], more: Partial<Cast> = {}): Cast {
  const instance = instanceOf()
  const serverId = instance.uuid as ServerId
  const requestId = `req-${randomUUID()}`
  const [first, ...others] = events.map((event): Delivery => {
    const { userId, userName, projectId } = capturedContext().caller
    return {
      eventId: `event-${count++}` as EventId,
      host: host as HostName,
      cell: CELL,
      event: { serverId, name: 'network-changed', status: 'completed', tag: null, ...event },
      requestId,
      globalRequestId: null,
      receivedAtUs: Date.now() * 1000,
      sender: { userId, userName, projectId },
      attempts: 0,
      tries: 0,
    }
  })
  if (first === undefined) throw new Error('expected at least one event')
  return {
    host: host as HostName,
    cell: CELL,
    deliveries: [first, ...others],
    context: capturedContext(),
    instances: new Map([[serverId, instance]]),
    ...more,
  }
}

/** What arrives in a host's queue. */
export interface Inbox {
  readonly raw: ConsumeMessage[]
  messages(): Message[]
  /** Waits until so many have arrived. */
  until(count: number): Promise<void>
}

/** A connection beside the caster's, closed when the test is over. */
export async function connectTo(url: string): Promise<ChannelModel> {
  const connection = await connect(url)
  connection.on('error', () => {})
  onTestFinished(() => connection.close().catch(() => {}))
  return connection
}

/** Listens as nova-compute of this host does: the exchange, its queue, its binding. */
export async function listen(
  connection: ChannelModel,
  host: string,
  { topic = 'compute', exchange = 'nova', durable = false } = {},
): Promise<Inbox> {
  const channel = await connection.createChannel()
  const raw: ConsumeMessage[] = []
  await channel.assertExchange(exchange, 'topic', { durable })
  await channel.assertQueue(`${topic}.${host}`, { durable, autoDelete: false })
  await channel.bindQueue(`${topic}.${host}`, exchange, `${topic}.${host}`)
  await channel.consume(`${topic}.${host}`, (message) => void (message !== null && raw.push(message)), { noAck: true })
  return {
    raw,
    messages: () => raw.map(({ content }) => messageOf(JSON.parse(content.toString()))),
    until: (wanted) => eventually(`${wanted} messages for ${host}`, () => raw.length >= wanted),
  }
}

/** Waits until something holds. */
export async function eventually(what: string, holds: () => boolean, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`expected within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
