import { Kysely } from 'kysely'
import { inTime } from '../lib/in-time.ts'
import type { Connection, ConnectOptions, Open, Parameter } from './connection.ts'
import { createDialect } from './driver.ts'
import { openMysql } from './mysql.ts'
import { createPool } from './pool.ts'
import { openPostgresql } from './postgresql.ts'
import { DatabaseTrouble, toTrouble } from './trouble.ts'
import type { DatabaseUrl, Engine } from './url.ts'

export interface DatabaseOptions extends ConnectOptions {
  readonly maxConnections: number
  /** A statement that takes longer fails, and its connection is ended; the server may go on with it. */
  readonly queryTimeoutMs: number
}

/**
 * A database server, reached over a bounded pool. Connects when first asked; a connection that was lost is replaced when the next is
 * needed. Everything rejects with `DatabaseTrouble`, and nothing is ever an unhandled 'error' event.
 */
export interface Database<Tables> {
  readonly engine: Engine
  /** For all that need not be the fastest. Values as `Connection` has them. */
  readonly kysely: Kysely<Tables>
  /** The hot path: a statement in the engine's own spelling (`?` or `$1`), prepared once for each connection; rows are lists of cells. */
  query(sql: string, parameters: readonly Parameter[]): Promise<readonly (readonly unknown[])[]>
  /** Ends every connection, those in use after a second. */
  close(): Promise<void>
}

/** A database by its URL. Nothing is connected yet, so this cannot fail. */
export function openDatabase<Tables>(url: DatabaseUrl, options: DatabaseOptions): Database<Tables> {
  const open = url.engine === 'mysql' ? openMysql : openPostgresql
  const pool = createPool<Connection>({
    open: async () => bounded(await openWithin(open, url, options), options.queryTimeoutMs),
    maxConnections: options.maxConnections,
    acquireTimeoutMs: options.connectTimeoutMs,
  })
  return {
    engine: url.engine,
    kysely: new Kysely<Tables>({ dialect: createDialect(url.engine, pool) }),
    query: async (sql, parameters) => {
      const connection = await pool.acquire()
      try {
        return await connection.query(sql, parameters)
      } finally {
        pool.release(connection)
      }
    },
    close: () => pool.close(),
  }
}

async function openWithin(open: Open, url: DatabaseUrl, options: ConnectOptions): Promise<Connection> {
  const given = new AbortController()
  try {
    return await within(options.connectTimeoutMs, 'connection', open(url, options, given.signal))
  } catch (error) {
    given.abort()
    throw error
  }
}

/** The connection, with a time-out for each statement: one that ran into it is not used again, for its answer may still come. */
function bounded(connection: Connection, timeoutMs: number): Connection {
  const ask = async <Result>(asked: Promise<Result>): Promise<Result> => {
    try {
      return await within(timeoutMs, 'answer', asked)
    } catch (error) {
      const trouble = toTrouble(error)
      if (trouble.kind === 'away') connection.destroy()
      throw trouble
    }
  }
  return {
    get isUsable() {
      return connection.isUsable
    },
    query: (sql, parameters) => ask(connection.query(sql, parameters)),
    execute: (sql, parameters) => ask(connection.execute(sql, parameters)),
    end: () => connection.end(),
    destroy: () => connection.destroy(),
  }
}

/** Rejects with trouble: the driver's, or that it took too long. */
async function within<Result>(timeoutMs: number, what: string, asked: Promise<Result>): Promise<Result> {
  const late = () => new DatabaseTrouble('away', `no ${what} from the database within ${timeoutMs} ms`, 'TIMEOUT')
  try {
    return await inTime(asked, timeoutMs, late)
  } catch (error) {
    throw toTrouble(error)
  }
}
