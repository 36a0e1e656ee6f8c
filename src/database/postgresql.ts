import { Socket } from 'node:net'
import { userInfo } from 'node:os'
import { Client, type ClientConfig, type QueryResult, types } from 'pg'
import type { Connection, ConnectOptions, Open } from './connection.ts'
import { offersTls, secureOptions } from './tls.ts'
import { DatabaseTrouble, toTrouble } from './trouble.ts'
import type { DatabaseUrl } from './url.ts'

const INT8 = 20
const BOOL = 16
const BYTEA = 17
const NUMBERS = [21, 23, 26, 700, 701]

/** Everything that is not listed stays text: datetimes, decimals, JSON. */
const CELLS = new Map<number, (text: string) => unknown>([
  [BOOL, (text) => text === 't'],
  [INT8, (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text)],
  [BYTEA, (text) => types.getTypeParser(BYTEA)(text)],
  ...NUMBERS.map((oid) => [oid, Number] as const),
])
const asText = (text: string) => text
const CELL_TYPES = { getTypeParser: (oid: number) => CELLS.get(oid) ?? asText }

/** Statements by their text, under the names by which each connection prepares them. */
const statementNames = new Map<string, string>()

/** Opens a connection to PostgreSQL. */
export const openPostgresql: Open = async (url, options, signal) => {
  const ssl = await toSsl(url, options.connectTimeoutMs)
  const config = { ...toDriverOptions(url, options), ssl }
  if (url.tls.kind !== 'prefer' || ssl === false) return openOnce(config, signal)
  return openOnce(config, signal).catch((error) => openWithout({ ...config, ssl: false }, signal, toTrouble(error)))
}

/** What pg_hba.conf answers to whom no line of it fits. */
const NOT_LET_IN = '28000'

/** Opens a connection without TLS where one with it was not let in: only those without may be (`hostnossl`). */
async function openWithout(config: ClientConfig, signal: AbortSignal, before: DatabaseTrouble): Promise<Connection> {
  if (before.code !== NOT_LET_IN) throw before
  return openOnce(config, signal).catch((error) => {
    const { kind, message, code } = toTrouble(error)
    throw new DatabaseTrouble(kind, `${before.message}; without TLS: ${message}`, code)
  })
}

async function openOnce(config: ClientConfig, signal: AbortSignal): Promise<Connection> {
  // Nobody waits any more: what was asked before took too long.
  signal.throwIfAborted()
  // Ours, so that it can be ended at once: the driver only asks the server to.
  const socket = new Socket()
  const raw = new Client({ ...config, stream: () => socket })
  let isUsable = true
  const gone = () => {
    isUsable = false
  }
  raw.on('error', gone).on('end', gone)
  signal.addEventListener('abort', () => socket.destroy())
  try {
    await raw.connect()
    // Compiling a statement takes seconds where it is guessed to be costly; ours never run for long.
    await raw.query("SET TIME ZONE 'UTC'; SET jit = off")
  } catch (error) {
    socket.destroy()
    throw error
  }
  return {
    get isUsable() {
      return isUsable
    },
    query: async (sql, parameters) => {
      const statement = { name: nameOf(sql), text: sql, values: [...parameters], rowMode: 'array' as const }
      return (await raw.query<unknown[]>(statement)).rows
    },
    execute: async (sql, parameters) => {
      const { rows, rowCount, command }: QueryResult<Record<string, unknown>> = await raw.query(sql, [...parameters])
      // What PostgreSQL answers to the commit of a transaction in which a statement failed.
      if (command === 'ROLLBACK' && sql === 'commit') throw new DatabaseTrouble('wrong', 'rolled back: a statement had failed')
      return { rows, affected: rowCount === null ? undefined : BigInt(rowCount), insertId: undefined }
    },
    end: () => raw.end(),
    destroy: () => {
      isUsable = false
      socket.destroy()
    },
  }
}

function toDriverOptions(
  { address, user, password, database, sessionOptions }: DatabaseUrl,
  options: ConnectOptions,
): ClientConfig {
  return {
    host: address.kind === 'tcp' ? address.host : address.path,
    port: address.port,
    user: user ?? userInfo().username,
    password,
    database,
    connectionTimeoutMillis: options.connectTimeoutMs,
    application_name: options.applicationName,
    keepAlive: true,
    types: CELL_TYPES,
    ...(sessionOptions === null ? {} : { options: sessionOptions }),
  }
}

async function toSsl({ address, tls }: DatabaseUrl, timeoutMs: number): Promise<ClientConfig['ssl']> {
  if (tls.kind === 'off' || address.kind === 'socket') return false
  if (tls.kind === 'prefer' && !(await offersTls(address, timeoutMs))) return false
  const ssl = secureOptions(tls)
  return tls.verify === 'ca' ? { ...ssl, checkServerIdentity: () => undefined } : ssl
}

function nameOf(sql: string): string {
  const known = statementNames.get(sql)
  if (known !== undefined) return known
  const name = `novacast_${statementNames.size}`
  statementNames.set(sql, name)
  return name
}
