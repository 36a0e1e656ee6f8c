import { connect, isIP, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { type ConnectionOptions, createConnection, type ResultSetHeader } from 'mysql2'
import type { Answer, ConnectOptions, Open } from './connection.ts'
import { secureOptions } from './tls.ts'
import type { DatabaseUrl } from './url.ts'

/** Nova's databases hold UTC, and a value that does not fit must be an error. Source: oslo_db/sqlalchemy/engines.py (TRADITIONAL). */
const SESSION = "SET time_zone = '+00:00', sql_mode = 'TRADITIONAL'"

/** Opens a connection to MySQL or MariaDB. */
export const openMysql: Open = async (url, options, signal) => {
  const raw = createConnection(toDriverOptions(url, options))
  let isUsable = true
  const gone = () => {
    isUsable = false
  }
  // The first listener keeps an error from being nobody's; what waits on the connection is told by the driver.
  raw.on('error', gone).on('end', gone)
  signal.addEventListener('abort', () => raw.destroy())
  try {
    await called<void>((done) => raw.connect((error) => done(error)))
    await called((done) => raw.query(SESSION, done))
  } catch (error) {
    raw.destroy()
    throw error
  }
  return {
    get isUsable() {
      return isUsable
    },
    query: (sql, parameters) =>
      called<unknown[][]>((done) => raw.execute({ sql, rowsAsArray: true, values: [...parameters] }, done)),
    execute: async (sql, parameters) => toAnswer(await called<unknown>((done) => raw.query(sql, [...parameters], done))),
    end: () => called<void>((done) => raw.end((error) => done(error))),
    destroy: () => {
      isUsable = false
      raw.destroy()
    },
  }
}

type Done = (error: Error | null, result?: unknown) => void

function called<Result>(call: (done: Done) => void): Promise<Result> {
  return new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result as Result))))
}

function toDriverOptions(url: DatabaseUrl, options: ConnectOptions): ConnectionOptions {
  const { address, tls } = url
  return {
    ...(address.kind === 'tcp' ? { host: address.host, port: address.port } : { socketPath: address.path }),
    ...(address.kind === 'tcp' && isIP(address.host) !== 0 ? { stream: () => connectToIp(address) } : {}),
    user: url.user ?? userInfo().username,
    password: url.password,
    database: url.database,
    charset: 'utf8mb4',
    connectTimeout: options.connectTimeoutMs,
    connectAttributes: { program_name: options.applicationName },
    dateStrings: true,
    supportBigNumbers: true,
    jsonStrings: true,
    ...(tls.kind === 'off' ? {} : { ssl: { ...secureOptions(tls), verifyIdentity: tls.verify === 'host' } }),
  }
}

/**
 * A connection whose TLS is verified against the IP address it goes to. The driver tells Node a name for that, never an address; Node
 * then takes what the socket was told to connect to, which it only notes of names (`_host`), else `localhost`: a certificate for the
 * address would be refused, and one for localhost taken.
 */
function connectToIp({ host, port }: { readonly host: string; readonly port: number }): Socket {
  return Object.assign(connect({ host, port, keepAlive: true, noDelay: true }), { _host: host })
}

function toAnswer(result: unknown): Answer {
  if (Array.isArray(result)) return { rows: result, affected: undefined, insertId: undefined }
  const { affectedRows, insertId } = result as ResultSetHeader
  return { rows: [], affected: BigInt(affectedRows), insertId: BigInt(insertId) }
}
