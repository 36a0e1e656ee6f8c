import { sql } from 'kysely'
import type { Database } from '../../database/connect.ts'

/** What a database server turned out to be. */
export interface Server {
  /** `MariaDB 10.11.6`, `MySQL 8.0.39`, `PostgreSQL 15.8`. */
  readonly version: string
  /** Why it cannot hold the journal; null where it can. */
  readonly objection: string | null
  /** Why what it has committed may not survive a crash of its machine; null where it does. */
  readonly doubt: string | null
  /** What a connection that writes says first. */
  readonly setup: readonly string[]
}

/** A transaction that is silent for so long is ended: a replica that stalls holds up the others no longer, and is dead by then. */
const SILENCE_S = 5
/** How long a statement waits for a lock before its transaction is done again. */
const LOCK_S = 3

/** Looks at the server. Rejects with `DatabaseTrouble`. */
export function readServer(database: Database<unknown>): Promise<Server> {
  return database.engine === 'mysql' ? readMysql(database) : readPostgresql(database)
}

async function readMysql({ kysely }: Database<unknown>): Promise<Server> {
  const { rows } = await sql<{ version: string; flush: number }>`SELECT VERSION() AS version,
    @@innodb_flush_log_at_trx_commit AS flush`.execute(kysely)
  const { version = '', flush = 1 } = rows[0] ?? {}
  const isMariadb = /mariadb/i.test(version)
  // SKIP LOCKED: MariaDB 10.6, MySQL 8.0.
  const [needed, isOld] = isMariadb ? ['MariaDB 10.6', isOlder(version, 10, 6)] : ['MySQL 8.0', isOlder(version, 8, 0)]
  return {
    version: `${isMariadb ? 'MariaDB' : 'MySQL'} ${version.replace(/-.*$/, '')}`,
    objection: isOld ? `it is version ${version}; ${needed} is needed` : null,
    doubt:
      flush === 1 || (isMariadb && flush === 3)
        ? null
        : `innodb_flush_log_at_trx_commit is ${flush}: a crash of its machine may lose accepted events; set it to 1 (a Galera cluster lives with it as long as another node does)`,
    setup: [
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      `SET SESSION innodb_lock_wait_timeout = ${LOCK_S}`,
      ...(isMariadb ? [`SET SESSION idle_transaction_timeout = ${SILENCE_S}`] : []),
    ],
  }
}

async function readPostgresql({ kysely }: Database<unknown>): Promise<Server> {
  const { rows } = await sql<{ version: string; fsync: string }>`SELECT current_setting('server_version') AS version,
    current_setting('fsync') AS fsync`.execute(kysely)
  const { version = '', fsync = 'on' } = rows[0] ?? {}
  return {
    version: `PostgreSQL ${version}`,
    objection: isOlder(version, 12, 0) ? `it is version ${version}; PostgreSQL 12 is needed` : null,
    doubt: fsync === 'on' ? null : 'fsync is off: a crash of its machine may lose accepted events; switch it on',
    setup: [
      "SET default_transaction_isolation = 'read committed'",
      `SET lock_timeout = ${LOCK_S * 1000}`,
      `SET idle_in_transaction_session_timeout = ${SILENCE_S * 1000}`,
      // Not below what the server has been told about its standbys.
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')",
    ],
  }
}

function isOlder(version: string, major: number, minor: number): boolean {
  const [, ofMajor = '0', ofMinor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? []
  return Number(ofMajor) < major || (Number(ofMajor) === major && Number(ofMinor) < minor)
}
