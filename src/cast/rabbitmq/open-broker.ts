import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Duplex } from 'node:stream'
import { type Channel, type ChannelModel, type ConfirmChannel, connect, credentials, type SocketOptions } from 'amqplib'
import { inTime } from '../../lib/in-time.ts'
import type { RabbitOptions, TlsOptions } from './options.ts'
import type { BrokerHost } from './transport-url.ts'

/** What to connect to, and how. */
export interface BrokerTarget {
  readonly hosts: readonly [BrokerHost, ...BrokerHost[]]
  readonly virtualHost: string
  readonly options: RabbitOptions
  readonly exchange: string
}

/** A connection with one channel that confirms. */
export interface OpenBroker {
  readonly connection: ChannelModel
  readonly channel: ConfirmChannel
  /** `host:port`, for log lines. */
  readonly address: string
}

/** A connection that takes longer is given up. */
const CONNECT_TIMEOUT_MS = 5000
/** How long a broker that took the login has to answer what is asked next: it may be without a majority, and beat its heart still. */
const ANSWER_TIMEOUT_MS = 5000
const late = () => new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)
/** How long the broker has to answer when a connection is closed. */
const CLOSE_TIMEOUT_MS = 2000

/** Connects to one of the hosts and makes sure of the exchange. Rejects with what the broker or the network said. */
export async function openBroker(host: BrokerHost, target: BrokerTarget): Promise<OpenBroker> {
  const connection = await connectBroker(host, target)
  try {
    const channel = await answered(openChannel(connection, target))
    return { connection, channel, address: addressOf(host) }
  } catch (error) {
    await closeBroker(connection)
    throw error
  }
}

async function openChannel(connection: ChannelModel, target: BrokerTarget): Promise<ConfirmChannel> {
  await ensureExchange(connection, target)
  return connection.createConfirmChannel()
}

/** What a broker answers, or a rejection when it does not in time. */
export function answered<Answer>(asked: Promise<Answer>): Promise<Answer> {
  return inTime(asked, ANSWER_TIMEOUT_MS, late)
}

/** Connects and logs in, no more. */
export async function connectBroker(host: BrokerHost, { virtualHost, options }: BrokerTarget): Promise<ChannelModel> {
  const { hostname, port } = host
  const address = {
    protocol: options.tls === null ? 'amqp' : 'amqps',
    hostname,
    port,
    // amqplib decodes it.
    vhost: encodeURIComponent(virtualHost),
    heartbeat: options.heartbeatSeconds,
  }
  const connection = await connect(address, await socketOptions(host, options)).catch((error: unknown) => {
    throw explained(error, virtualHost)
  })
  // What it says there, its 'close' says again; without a listener the process would stop.
  connection.on('error', () => {})
  return connection
}

/** Of a refused virtual host amqplib keeps the broker's reason to itself. */
function explained(error: unknown, virtualHost: string): unknown {
  if (!(error instanceof Error) || !error.message.includes('Expected ConnectionOpenOk')) return error
  return new Error(
    `the login was taken, then the connection closed: has the broker this virtual host (${virtualHost}), and may the user use it?`,
  )
}

/** Ends a connection: in good order where the broker answers soon, else at once. Never rejects. */
export async function closeBroker(connection: ChannelModel): Promise<void> {
  // amqplib never tells of a close that the broker does not answer, not even when the socket goes. What rejects had ended already.
  await inTime(connection.close(), CLOSE_TIMEOUT_MS, late).catch(() => {})
  destroySocket(connection)
}

/** amqplib lets a socket go without closing it where its peer has gone silent: it would linger for minutes. */
function destroySocket(connection: ChannelModel): void {
  socketOf(connection)?.destroy()
}

/** The socket below a connection, which amqplib's types do not show; null where it has none any more. */
export function socketOf({ connection }: ChannelModel): Duplex | null {
  return 'stream' in connection && connection.stream instanceof Duplex ? connection.stream : null
}

/** What a failed connection says of itself; one that was tried over IPv4 and IPv6 says it in its parts. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  // OpenSSL ends its own with a line end.
  return (error instanceof Error ? error.message : String(error)).trimEnd()
}

/** `host:port` of a broker, an IPv6 address in brackets. */
export function addressOf({ hostname, port }: BrokerHost): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`
}

async function socketOptions(host: BrokerHost, { loginMethod, tls }: RabbitOptions): Promise<SocketOptions> {
  return {
    noDelay: true,
    keepAlive: true,
    timeout: CONNECT_TIMEOUT_MS,
    credentials: login(host, loginMethod),
    // As oslo.messaging names them: what `rabbitmqctl list_connections` shows.
    clientProperties: { connection_name: `novacast:${process.pid}:${randomUUID()}` },
    ...(tls === null ? {} : await tlsSocketOptions(tls)),
  }
}

function login(
  { username, password }: BrokerHost,
  method: RabbitOptions['loginMethod'],
): NonNullable<SocketOptions['credentials']> {
  switch (method) {
    case 'PLAIN':
      return credentials.plain(username, password)
    case 'AMQPLAIN':
      return credentials.amqplain(username, password)
    case 'EXTERNAL':
      return credentials.external()
  }
}

async function tlsSocketOptions({ caFile, certFile, keyFile, verifyHostname, version }: TlsOptions): Promise<SocketOptions> {
  return {
    ...(caFile === null ? { rejectUnauthorized: false } : { ca: await readFile(caFile) }),
    ...(certFile === null ? {} : { cert: await readFile(certFile) }),
    ...(keyFile === null ? {} : { key: await readFile(keyFile) }),
    ...(verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    ...(version === null ? {} : { minVersion: version, maxVersion: version }),
  }
}

const NOT_FOUND = 404
const PRECONDITION_FAILED = 406

/**
 * An exchange that is there is taken as it is: whether it is durable is for those to decide who consume. One that is not is made as
 * the options say, as every publisher of oslo.messaging does.
 */
async function ensureExchange(connection: ChannelModel, { exchange, options }: BrokerTarget): Promise<void> {
  const { durable, autoDelete } = options
  const absent = await refusal(connection, (channel) => channel.checkExchange(exchange), NOT_FOUND)
  if (!absent) return
  // Refused: another made it meanwhile, and made it otherwise.
  await refusal(connection, (channel) => channel.assertExchange(exchange, 'topic', { durable, autoDelete }), PRECONDITION_FAILED)
}

/** Whether the broker refuses this with that code. On a channel of its own, which a refusal ends. Rejects with any other trouble. */
async function refusal(connection: ChannelModel, ask: (channel: Channel) => Promise<unknown>, code: number): Promise<boolean> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  try {
    await ask(channel)
    await channel.close()
    return false
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return true
    throw error
  }
}
