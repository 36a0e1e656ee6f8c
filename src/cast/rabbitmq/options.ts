/** What of `[oslo_messaging_rabbit]` matters to one who only publishes. Times are in milliseconds unless the name says otherwise. */
export interface RabbitOptions {
  readonly tls: TlsOptions | null
  readonly loginMethod: 'PLAIN' | 'AMQPLAIN' | 'EXTERNAL'
  /** 0: no heartbeats. */
  readonly heartbeatSeconds: number
  /** Whether the exchange, where we are the first to declare it, is durable. */
  readonly durable: boolean
  readonly autoDelete: boolean
  /** The pause after the first round of failed connections, what each further round adds, and the most it gets to. */
  readonly retryIntervalMs: number
  readonly retryBackoffMs: number
  readonly retryMaxMs: number
  /** Waited before connecting again to what was connected. */
  readonly reconnectDelayMs: number
  readonly failover: 'round-robin' | 'shuffle'
}

/** How to speak TLS to a broker. Files are read at each connection, so that they can be renewed. */
export interface TlsOptions {
  /** The server's certificate is verified only where a CA file is named, as oslo.messaging does. */
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
  readonly verifyHostname: boolean
  /** The one version of TLS to use, or null: any that is safe. */
  readonly version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | null
}

/** An option has no value that is possible for it. The message names the option, never a password. */
export class RabbitOptionError extends Error {
  override readonly name = 'RabbitOptionError'
}

/** Options by their names in oslo.config, as text. */
export type RawOptions = Readonly<Record<string, string>>

/** Options of oslo.messaging that change nothing for a publisher of casts: accepted, and not looked at. */
const FOR_CONSUMERS =
  `conn_pool_min_size conn_pool_ttl direct_mandatory_flag enable_cancel_on_failover heartbeat_in_pthread heartbeat_rate
  hostname kombu_compression kombu_missing_consumer_retry_timeout processname queue_manager rabbit_ha_queues
  rabbit_qos_prefetch_count rabbit_quorum_delivery_limit rabbit_quroum_max_memory_bytes rabbit_quroum_max_memory_length
  rabbit_quorum_max_memory_bytes rabbit_quorum_max_memory_length rabbit_stream_fanout rabbit_transient_queues_ttl
  rabbit_transient_quorum_queue rpc_conn_pool_size ssl_enforce_fips_mode use_queue_manager`.split(/\s+/)

const FOR_PUBLISHERS =
  `amqp_auto_delete amqp_durable_queues heartbeat_timeout_threshold kombu_failover_strategy kombu_reconnect_delay
  rabbit_interval_max rabbit_login_method rabbit_quorum_queue rabbit_retry_backoff rabbit_retry_interval ssl ssl_ca_file ssl_cert_file
  ssl_enforce_hostname_verification ssl_key_file ssl_version`.split(/\s+/)

const KNOWN = new Set([...FOR_PUBLISHERS, ...FOR_CONSUMERS])

/**
 * The options in force for one transport URL: what the URL's query says, else what the file says, else oslo.messaging's defaults.
 * Throws `RabbitOptionError` for a value that is none, and for a name in the query that oslo.messaging would refuse too.
 * Names in the file that nobody knows are left alone: the file is Nova's.
 */
export function rabbitOptions(file: RawOptions, query: RawOptions = {}): RabbitOptions {
  const unknown = Object.keys(query).find((name) => !KNOWN.has(name))
  if (unknown !== undefined)
    throw new RabbitOptionError(`the transport URL has an option that [oslo_messaging_rabbit] has not: ${unknown}`)
  const read = reader({ ...file, ...query })
  return {
    tls: read.boolean('ssl', false) ? tlsOptions(read) : null,
    loginMethod: read.oneOf('rabbit_login_method', ['PLAIN', 'AMQPLAIN', 'EXTERNAL'], 'AMQPLAIN'),
    heartbeatSeconds: Math.floor(read.number('heartbeat_timeout_threshold', 60)),
    durable: read.boolean('amqp_durable_queues', false) || read.boolean('rabbit_quorum_queue', false),
    autoDelete: read.boolean('amqp_auto_delete', false),
    retryIntervalMs: 1000 * read.number('rabbit_retry_interval', 1),
    retryBackoffMs: 1000 * read.number('rabbit_retry_backoff', 2),
    retryMaxMs: 1000 * read.number('rabbit_interval_max', 30),
    reconnectDelayMs: 1000 * read.number('kombu_reconnect_delay', 1),
    failover: read.oneOf('kombu_failover_strategy', ['round-robin', 'shuffle'], 'round-robin'),
  }
}

const TLS_VERSIONS = {
  '': null,
  sslv23: null,
  tlsv1: 'TLSv1',
  tlsv1_1: 'TLSv1.1',
  tlsv1_2: 'TLSv1.2',
  tlsv1_3: 'TLSv1.3',
} as const

function tlsOptions(read: Reader): TlsOptions {
  const names = Object.keys(TLS_VERSIONS) as (keyof typeof TLS_VERSIONS)[]
  return {
    caFile: read.text('ssl_ca_file'),
    certFile: read.text('ssl_cert_file'),
    keyFile: read.text('ssl_key_file'),
    verifyHostname: read.boolean('ssl_enforce_hostname_verification', true),
    version: TLS_VERSIONS[read.oneOf('ssl_version', names, '')],
  }
}

type Reader = ReturnType<typeof reader>

function reader(raw: RawOptions) {
  const fail = (name: string, expected: string): never => {
    throw new RabbitOptionError(`[oslo_messaging_rabbit] ${name}: expected ${expected}, not ${raw[name]}`)
  }
  return {
    text: (name: string): string | null => raw[name]?.trim() || null,
    boolean: (name: string, otherwise: boolean): boolean => {
      const value = raw[name]?.trim().toLowerCase()
      if (value === undefined || value === '') return otherwise
      if (['1', 'true', 'yes', 'on', 't', 'y'].includes(value)) return true
      if (['0', 'false', 'no', 'off', 'f', 'n'].includes(value)) return false
      return fail(name, 'true or false')
    },
    number: (name: string, otherwise: number): number => {
      const value = raw[name]?.trim()
      if (value === undefined || value === '') return otherwise
      return /^\d+(\.\d+)?$/.test(value) ? Number(value) : fail(name, 'a number of at least 0')
    },
    oneOf: <Choice extends string>(name: string, choices: readonly Choice[], otherwise: Choice): Choice => {
      const value = raw[name]?.trim().toLowerCase()
      if (value === undefined || value === '') return otherwise
      return (
        choices.find((choice) => choice.toLowerCase() === value) ?? fail(name, `one of ${choices.filter(Boolean).join(', ')}`)
      )
    },
  }
}
