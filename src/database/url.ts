/** A database server's kind; MariaDB is `mysql`. */
export type Engine = 'mysql' | 'postgresql'

/** How much of TLS. `prefer`: where the server offers it, and whoever it is (libpq's default). Files are read at each connection. */
export type Tls =
  | { readonly kind: 'off' }
  | { readonly kind: 'prefer' }
  | {
      readonly kind: 'on'
      readonly caFile: string | null
      readonly certFile: string | null
      readonly keyFile: string | null
      /** Whose certificate is good: anybody's, one that the CA signed, or one that names the host as well. */
      readonly verify: 'nothing' | 'ca' | 'host'
    }

/** Where a connection goes to. `socket`: a file for MySQL, for PostgreSQL the directory it is in. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string; readonly port: number }

/** A database's URL taken apart. Holds a password: never to be logged. */
export interface DatabaseUrl {
  readonly engine: Engine
  readonly address: Address
  /** Null: who runs this process. */
  readonly user: string | null
  readonly password: string
  readonly database: string
  readonly tls: Tls
  /** Command-line options for PostgreSQL's session, such as `-csearch_path=nova`. */
  readonly sessionOptions: string | null
  /** Names of query parameters that change nothing here. */
  readonly ignored: readonly string[]
}

/** What a text that should be a database's URL turned out to be. A reason never repeats the URL, which holds a password. */
export type ParsedDatabaseUrl =
  | { readonly kind: 'parsed'; readonly url: DatabaseUrl }
  | { readonly kind: 'invalid'; readonly reason: string }

const DEFAULT_PORT: Readonly<Record<Engine, number>> = { mysql: 3306, postgresql: 5432 }
/** Where Debian and Red Hat have PostgreSQL's socket; libpq goes there when no host is named. */
const POSTGRESQL_SOCKETS = '/var/run/postgresql'

/**
 * Reads an SQLAlchemy URL: `mysql+pymysql://user:password@host:port/database?option=value`, `postgresql+psycopg2://…` and kin; the
 * driver behind the `+` does not matter. User and password are percent-decoded, the database's name is not, and a password may hold
 * any character but `@`. Source: sqlalchemy/engine/url.py _parse_url; PyMySQL and libpq for the options.
 */
export function parseDatabaseUrl(text: string): ParsedDatabaseUrl {
  const parts =
    /^(?<engine>\w+)(?:\+\w+)?:\/\/(?:(?<user>[^:/]*)(?::(?<password>[^@]*))?@)?(?:\[(?<ipv6>[^/?\]]+)\]|(?<name>[^/:?]+))?(?::(?<port>[^/?]*))?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s.exec(
      text.trim(),
    )?.groups
  if (parts === undefined) return invalid('expected mysql+pymysql://user:password@host/database, or postgresql://…')
  const engine = engineOf(parts['engine'] ?? '')
  if (engine === null) return invalid(`expected mysql, mariadb or postgresql before ://, not ${parts['engine']}`)
  if (parts['name']?.includes('@')) return invalid('expected each @ in the password to be written as %40')
  const { port = '', database = '' } = parts
  if (!/^\d*$/.test(port) || Number(port) > 65_535) return invalid('expected a port from 1 to 65535 after the host')
  if (database === '') return invalid('expected the name of a database after the host: …@host/database')
  const query = readQuery(parts['query'] ?? '')
  const tls = engine === 'mysql' ? mysqlTls(query) : postgresqlTls(query)
  if (typeof tls === 'string') return invalid(tls)
  const address = addressOf(engine, parts['ipv6'] ?? parts['name'] ?? null, Number(port), query)
  if (typeof address === 'string') return invalid(address)
  const user = parts['user'] ? decode(parts['user']) : null
  const sessionOptions = engine === 'postgresql' ? query.text('options') : null
  const url = { engine, address, user, password: decode(parts['password'] ?? ''), database, tls, sessionOptions }
  return { kind: 'parsed', url: { ...url, ignored: query.unread() } }
}

function engineOf(name: string): Engine | null {
  if (name === 'mysql' || name === 'mariadb') return 'mysql'
  return name === 'postgresql' || name === 'postgres' ? 'postgresql' : null
}

function addressOf(engine: Engine, name: string | null, givenPort: number, query: Query): Address | string {
  const port = givenPort || DEFAULT_PORT[engine]
  if (engine === 'mysql') {
    const path = query.text('unix_socket')
    return path === null ? { kind: 'tcp', host: name ?? 'localhost', port } : { kind: 'socket', path, port }
  }
  const host = name ?? query.text('host') ?? POSTGRESQL_SOCKETS
  if (host.startsWith('/')) return { kind: 'socket', path: host, port: Number(query.text('port') ?? port) }
  const location = /^([^:,]+)(?::(\d+))?$/.exec(name === null ? host : '')
  if (name === null && location === null) return 'expected one host in the option host: with several, put a proxy before them'
  return { kind: 'tcp', host: location?.[1] ?? host, port: Number(location?.[2] ?? query.text('port') ?? port) }
}

/** PyMySQL: TLS where any of its options is there; verified where a CA is named, unless the options say otherwise. */
function mysqlTls(query: Query): Tls | string {
  const mode = query.text('ssl_mode')?.toUpperCase() ?? null
  const caFile = query.text('ssl_ca')
  const certFile = query.text('ssl_cert')
  const keyFile = query.text('ssl_key')
  const asked = [
    query.flag('ssl'),
    query.flag('ssl_verify_cert'),
    query.flag('ssl_verify_identity'),
    query.flag('ssl_check_hostname'),
  ]
  const [ssl, verifyCert, verifyIdentity, checkHostname] = asked
  if (mode === 'DISABLED' || query.flag('ssl_disabled')) return { kind: 'off' }
  if (mode === null && caFile === null && certFile === null && keyFile === null && !(ssl || verifyCert || verifyIdentity))
    return { kind: 'off' }
  if (mode !== null) {
    const verify = MYSQL_MODES.get(mode)
    if (verify === undefined) return `expected ssl_mode to be DISABLED or one of ${[...MYSQL_MODES.keys()].join(', ')}`
    return { kind: 'on', caFile, certFile, keyFile, verify }
  }
  const verifies = verifyCert ?? (caFile !== null || verifyIdentity === true)
  const verify = !verifies ? 'nothing' : (verifyIdentity ?? checkHostname ?? true) ? 'host' : 'ca'
  return { kind: 'on', caFile, certFile, keyFile, verify }
}

const MYSQL_MODES = new Map<string, 'nothing' | 'ca' | 'host'>([
  ['PREFERRED', 'nothing'],
  ['REQUIRED', 'nothing'],
  ['VERIFY_CA', 'ca'],
  ['VERIFY_IDENTITY', 'host'],
])

/** libpq: `prefer` unless said; `require` verifies where a root certificate is named. */
function postgresqlTls(query: Query): Tls | string {
  const mode = query.text('sslmode') ?? 'prefer'
  const caFile = query.text('sslrootcert')
  const certFile = query.text('sslcert')
  const keyFile = query.text('sslkey')
  switch (mode) {
    case 'disable':
      return { kind: 'off' }
    case 'allow':
    case 'prefer':
      return { kind: 'prefer' }
    case 'require':
      return { kind: 'on', caFile, certFile, keyFile, verify: caFile === null ? 'nothing' : 'ca' }
    case 'verify-ca':
    case 'verify-full':
      return { kind: 'on', caFile, certFile, keyFile, verify: mode === 'verify-ca' ? 'ca' : 'host' }
    default:
      return 'expected sslmode to be disable, allow, prefer, require, verify-ca or verify-full'
  }
}

type Query = ReturnType<typeof readQuery>

function readQuery(text: string) {
  const values = new Map(new URLSearchParams(text))
  const read = new Set<string>()
  const value = (name: string): string | null => {
    read.add(name)
    return values.get(name) || null
  }
  return {
    text: value,
    flag: (name: string): boolean | null => {
      const found = value(name)?.toLowerCase() ?? null
      return found === null ? null : ['1', 'true', 'yes', 'on'].includes(found)
    },
    unread: (): readonly string[] => [...values.keys()].filter((name) => !read.has(name)),
  }
}

/** Percent-decoding as Python has it: what is no valid escape stays as it is. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
}

function invalid(reason: string): ParsedDatabaseUrl {
  return { kind: 'invalid', reason }
}
