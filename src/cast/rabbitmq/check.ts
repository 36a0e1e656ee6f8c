import type { ChannelModel } from 'amqplib'
import type { Cell } from '../../nova/cells.ts'
import { updateCell } from '../../nova/update-cell.ts'
import type { CheckLine } from '../../observe/check-line.ts'
import { cellTarget } from './brokers.ts'
import { addressOf, answered, type BrokerTarget, closeBroker, connectBroker, reasonOf } from './open-broker.ts'
import type { RawOptions } from './options.ts'
import type { BrokerHost } from './transport-url.ts'

/** What to look at. */
export interface CheckBrokersParts {
  readonly cells: readonly Cell[]
  readonly rabbit: RawOptions
  readonly controlExchange: string
}

/**
 * Whether each cell's brokers can be reached and logged in to, have the virtual host and the exchange, and how many nova-computes
 * listen there. Makes and changes nothing. Never throws, and never says a password.
 */
export async function checkBrokers({ cells, rabbit, controlExchange }: CheckBrokersParts): Promise<readonly CheckLine[]> {
  const parts = { rabbit, exchange: controlExchange }
  const lines = await Promise.all(cells.map((cell) => checkCell(cell, parts)))
  return lines.flat()
}

async function checkCell(cell: Cell, parts: Parameters<typeof cellTarget>[1]): Promise<readonly CheckLine[]> {
  const name = `broker of ${cell.name ?? cell.id}`
  const read = cellTarget(cell.transportUrl, parts)
  switch (read.kind) {
    case 'none':
      return []
    case 'invalid':
      return [wrong(name, `transport_url in cell_mappings: ${read.reason}`, updateCell(cell.id))]
    case 'target':
      return Promise.all(read.target.hosts.map((host) => checkBroker(name, host, read.target)))
  }
}

async function checkBroker(name: string, host: BrokerHost, target: BrokerTarget): Promise<CheckLine> {
  const at = `${host.username}@${addressOf(host)}, virtual host ${target.virtualHost}`
  let connection: ChannelModel
  try {
    connection = await connectBroker(host, target)
  } catch (error) {
    return wrong(name, `${at}: ${reasonOf(error)}`, mendConnection(reasonOf(error), target))
  }
  try {
    return { name, ok: true, detail: `${at}: ${await answered(describeExchange(connection, target.exchange))}`, mend: null }
  } catch (error) {
    return wrong(
      name,
      `${at}: ${reasonOf(error)}`,
      'give this user rights in the virtual host, as Nova has them: rabbitmqctl set_permissions',
    )
  } finally {
    await closeBroker(connection)
  }
}

/** The queue `compute` is shared by every nova-compute: its consumers are they. */
async function describeExchange(connection: ChannelModel, exchange: string): Promise<string> {
  const isThere = await passively(connection, (channel) => channel.checkExchange(exchange))
  if (isThere === null) return `exchange ${exchange} is not there yet; the first cast makes it`
  const queue = await passively(connection, (channel) => channel.checkQueue('compute'))
  return `exchange ${exchange}, ${queue?.consumerCount ?? 0} nova-computes listen`
}

type Channel = Awaited<ReturnType<ChannelModel['createChannel']>>

/** Null where the broker says that it is not there. */
async function passively<T>(connection: ChannelModel, ask: (channel: Channel) => Promise<T>): Promise<T | null> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  try {
    return await ask(channel)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 404) return null
    throw error
  }
}

function mendConnection(reason: string, { virtualHost, options }: BrokerTarget): string {
  if (/ACCESS[_-]REFUSED/.test(reason)) return 'correct user and password in transport_url'
  if (reason.includes('virtual host'))
    return `rabbitmqctl add_vhost ${virtualHost}, or rabbitmqctl set_permissions -p ${virtualHost} for this user`
  if (/certificate's altnames/.test(reason))
    return (
      'let transport_url name the broker as its certificate does, or set [oslo_messaging_rabbit] ssl_enforce_hostname_verification = false, ' +
      "the default of oslo.messaging's stable branches"
    )
  if (/certificate|SSL|TLS/i.test(reason)) return 'look at ssl_ca_file and the other ssl_ options of [oslo_messaging_rabbit]'
  return `see that the broker runs and can be reached from here${options.tls === null ? '' : ' over TLS'}`
}

function wrong(name: string, detail: string, mend: string): CheckLine {
  return { name, ok: false, detail, mend }
}
