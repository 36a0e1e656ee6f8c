import { type Query, readQuery } from './url-query.ts'
import { mysqlTls, postgresqlTls, type Tls } from './url-tls.ts'

/** A database server's kind; MariaDB is `mysql`. */
export type Engine = 'mysql' | 'postgresql'

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
  /** Names of options that are not known here: they change nothing. `charset` is not among them, for text is always UTF-8. */
  readonly ignored: readonly string[]
}

/** What a text that should be a database's URL turned out to be. A reason never repeats the URL, which holds a password. */
export type ParsedDatabaseUrl =
  | { readonly kind: 'parsed'; readonly url: DatabaseUrl }
  | { readonly kind: 'invalid'; readonly reason: string }

const DEFAULT_PORT: Readonly<Record<Engine, number>> = { mysql: 3306, postgresql: 5432 }
/** Where Debian and Red Hat have PostgreSQL's socket; libpq goes there when no host is named. */
const POSTGRESQL_SOCKETS = '/var/run/postgresql'

const PARTS = new RegExp(
  [
    /^(?<engine>\w+)(?:\+\w+)?:\/\//,
    /(?:(?<user>[^:/]*)(?::(?<password>[^@]*))?@)?/,
    /(?:\[(?<ipv6>[^/?\]]+)\]|(?<name>[^/:?]+))?/,
    /(?::(?<port>[^/?]*))?/,
    /(?:\/(?<database>[^?]*))?/,
    /(?:\?(?<query>.*))?$/,
  ]
    .map(({ source }) => source)
    .join(''),
  's',
)

/**
 * Reads an SQLAlchemy URL: `mysql+pymysql://user:password@host:port/database?option=value`, `postgresql+psycopg2://…` and kin; the
 * driver behind the `+` does not matter. User and password are percent-decoded, the database's name is not, and a password may hold
 * any character but `@`. `parameters` are more options, as oslo.db's `connection_parameters`. Source: sqlalchemy/engine/url.py
 * _parse_url, oslo_db/sqlalchemy/engines.py _extend_url_parameters; PyMySQL and libpq for the options.
 */
export function parseDatabaseUrl(text: string, parameters = ''): ParsedDatabaseUrl {
  const parts = PARTS.exec(text.trim())?.groups
  if (parts === undefined) return invalid('expected mysql+pymysql://user:password@host/database, or postgresql://…')
  const engine = engineOf(parts['engine'] ?? '')
  if (engine === null) return invalid(`expected mysql, mariadb or postgresql before ://, not ${parts['engine']}`)
  if (parts['name']?.includes('@')) return invalid('expected each @ in the password to be written as %40')
  const { port = '', database = '' } = parts
  if (!/^\d*$/.test(port) || Number(port) > 65_535) return invalid('expected a port from 1 to 65535 after the host')
  if (database === '') return invalid('expected the name of a database after the host: …@host/database')
  const query = readQuery(`${parts['query'] ?? ''}&${parameters}`)
  const tls = engine === 'mysql' ? mysqlTls(query) : postgresqlTls(query)
  if (typeof tls === 'string') return invalid(tls)
  const address = addressOf(engine, parts['ipv6'] ?? parts['name'] ?? null, Number(port), query)
  if (typeof address === 'string') return invalid(address)
  const sessionOptions = engine === 'postgresql' ? query.text('options') : null
  const problem = query.problem()
  if (problem !== null) return invalid(problem)
  const user = parts['user'] ? decode(parts['user']) : null
  const url = { engine, address, user, password: decode(parts['password'] ?? ''), database, tls, sessionOptions }
  // A name that is no word may be a part of a password.
  const ignored = query.unread().filter((option) => option !== 'charset' && /^\w+$/.test(option))
  return { kind: 'parsed', url: { ...url, ignored } }
}

/** What `novacast check` adds to the line of a database that it reached: its URL's options that change nothing; may be empty. */
export function tellIgnored({ ignored }: DatabaseUrl): string {
  return ignored.length === 0 ? '' : `; options without effect: ${ignored.join(', ')}`
}

function engineOf(name: string): Engine | null {
  if (name === 'mysql' || name === 'mariadb') return 'mysql'
  return name === 'postgresql' || name === 'postgres' ? 'postgresql' : null
}

function addressOf(engine: Engine, name: string | null, port: number, query: Query): Address | string {
  return engine === 'mysql' ? mysqlAddress(name, port, query) : postgresqlAddress(name, port, query)
}

function mysqlAddress(name: string | null, givenPort: number, query: Query): Address {
  const path = query.text('unix_socket')
  const port = givenPort || DEFAULT_PORT.mysql
  return path === null ? { kind: 'tcp', host: name ?? 'localhost', port } : { kind: 'socket', path, port }
}

function postgresqlAddress(name: string | null, givenPort: number, query: Query): Address | string {
  const port = Number(query.text('port') ?? (givenPort || DEFAULT_PORT.postgresql))
  if (!isPort(port)) return 'expected one port from 1 to 65535 in the option port'
  const asked = query.text('host')
  const host = name ?? asked ?? POSTGRESQL_SOCKETS
  if (host.startsWith('/')) return { kind: 'socket', path: host, port }
  if (name !== null) return { kind: 'tcp', host, port }
  const location = /^([^:,]+)(?::(\d+))?$/.exec(host)
  if (location === null) return 'expected one host in the option host: with several, put a proxy before them'
  const [, alone = '', itsPort = port] = location
  if (!isPort(Number(itsPort))) return 'expected a port from 1 to 65535 in the option host'
  return { kind: 'tcp', host: alone, port: Number(itsPort) }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535
}

/** Percent-decoding as Python has it: what is no valid escape stays as it is. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
}

function invalid(reason: string): ParsedDatabaseUrl {
  return { kind: 'invalid', reason }
}
