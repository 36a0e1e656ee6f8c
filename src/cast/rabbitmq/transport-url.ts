/** One broker of a transport URL. */
export interface BrokerHost {
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
}

/** A transport URL taken apart. */
export interface TransportUrl {
  /** At least one. */
  readonly hosts: readonly [BrokerHost, ...BrokerHost[]]
  readonly virtualHost: string
  /** Options that override `[oslo_messaging_rabbit]` for this URL; of a repeated one all values, comma-separated. */
  readonly query: Readonly<Record<string, string>>
}

/** What a text that should be a transport URL turned out to be. `none`: cell0, which has no broker. */
export type ParsedTransportUrl =
  | { readonly kind: 'rabbit'; readonly url: TransportUrl }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly reason: string }

const DEFAULT_PORT = 5672
/** What stands for a part that is not there, for each by itself. Source: kombu/transport/pyamqp.py default_connection_params. */
const LOCAL: BrokerHost = { hostname: 'localhost', port: DEFAULT_PORT, username: 'guest', password: 'guest' }

/**
 * Reads `rabbit://user:pass@host:port,user2:pass2@host2:port2/vhost?option=value`. A reason never repeats the URL, which holds
 * passwords. Source: oslo_messaging/transport.py TransportURL.parse, and what kombu makes of the virtual host.
 */
export function parseTransportUrl(text: string): ParsedTransportUrl {
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s.exec(text.trim())
  if (parts === null) return invalid('expected rabbit://user:password@host:port/virtual_host')
  const [, scheme = '', authority = '', path = '', query = ''] = parts
  const driver = scheme.toLowerCase()
  if (driver === 'none') return { kind: 'none' }
  if (driver !== 'rabbit' && driver !== 'kombu') return invalid(`expected the driver rabbit, not ${driver}`)
  const hosts: BrokerHost[] = []
  for (const each of authority.split(',')) {
    if (each === '') continue
    const host = parseHost(each)
    if (typeof host === 'string') return invalid(host)
    hosts.push(host)
  }
  const [first = LOCAL, ...others] = hosts
  const url = { hosts: [first, ...others], virtualHost: virtualHostOf(path), query: parseQuery(query) } as const
  return { kind: 'rabbit', url }
}

/** One of the comma-separated hosts, or what is wrong with it. */
function parseHost(text: string): BrokerHost | string {
  const at = text.lastIndexOf('@')
  const credentials = at < 0 ? '' : text.slice(0, at)
  const colon = credentials.indexOf(':')
  const username = decode(colon < 0 ? credentials : credentials.slice(0, colon))
  const password = colon < 0 ? '' : decode(credentials.slice(colon + 1))
  const location = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text.slice(at + 1))
  if (location === null) return 'expected host:port, or [IPv6 address]:port'
  const [, ipv6, name, port = ''] = location
  const number = port === '' ? DEFAULT_PORT : Number(port)
  if (number > 65_535) return `expected a port of at most 65535, not ${port}`
  return {
    hostname: ipv6 || name || LOCAL.hostname,
    port: number || DEFAULT_PORT,
    username: username || LOCAL.username,
    password: password || LOCAL.password,
  }
}

/** Everything behind the first slash. None, and a mere slash, is the virtual host `/`. */
function virtualHostOf(path: string): string {
  const name = decode(path.slice(1))
  return name === '' ? '/' : name
}

function parseQuery(text: string): Record<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (value === '') continue
    const earlier = values.get(name)
    values.set(name, earlier === undefined ? value : `${earlier},${value}`)
  }
  return Object.fromEntries(values)
}

/** Percent-decoding as Python has it: what is no valid escape stays as it is. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
}

function invalid(reason: string): ParsedTransportUrl {
  return { kind: 'invalid', reason }
}
