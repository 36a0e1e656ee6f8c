import type { Poolable } from './pool.ts'
import type { DatabaseUrl } from './url.ts'

/** What can be given for a placeholder. A list stands for `ANY($1)` on PostgreSQL only. */
export type Parameter = string | number | bigint | boolean | null | Buffer | readonly string[]

/** What a statement answers; rows by column name. */
export interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  /** Rows that an insert, update or delete found; undefined for what answers rows on MySQL. */
  readonly affected: bigint | undefined
  /** MySQL only: the id that an insert was given. */
  readonly insertId: bigint | undefined
}

/**
 * One connection, to either engine. Both read a value alike: datetimes as text in UTC (`2026-11-23 11:52:50`), integers as numbers and
 * as text where a number would not hold them, decimals and JSON as text, bytes as Buffer. A boolean is 0 or 1 on MySQL.
 */
export interface Connection extends Poolable {
  /** Prepares the statement once for the connection, and answers rows as lists of cells: the fastest way to read. */
  query(sql: string, parameters: readonly Parameter[]): Promise<readonly (readonly unknown[])[]>
  execute(sql: string, parameters: readonly unknown[]): Promise<Answer>
}

/** What every connection of a database is opened with. */
export interface ConnectOptions {
  /** Longer than this nobody waits for a connection to come about, or to become free. */
  readonly connectTimeoutMs: number
  /** Told to the server, for its list of connections. */
  readonly applicationName: string
}

/** Opens a connection, or rejects with the driver's error. When the signal is given, it lets go of what it had begun. */
export type Open = (url: DatabaseUrl, options: ConnectOptions, signal: AbortSignal) => Promise<Connection>
