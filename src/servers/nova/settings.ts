import type { DatabaseOptions } from '../../database/connect.ts'
import type { ServerId } from '../../events/event.ts'
import type { Log } from '../../observe/log.ts'
import type { BatchLimits } from '../batch.ts'

/** How each of Nova's databases is asked. */
export interface DatabaseSettings {
  readonly maxConnectionsPerDatabase: number
  readonly connectTimeoutMs: number
  /** A few seconds: so long a request waits at most for a cell that has just gone silent. */
  readonly queryTimeoutMs: number
  readonly log: Log
}

/** No server has this id: whoever asks for it learns whether servers can be asked for, rights included. */
export const NOBODY = '00000000-0000-0000-0000-000000000000' as ServerId

/** A longer list of uuids is asked for in parts. */
const MAX_IDS = 1000

/**
 * Questions under way at a time to one database. With more, batches are smaller and the whole is slower: single lookups at full
 * load on two cores beside MariaDB.
 */
const MAX_IN_FLIGHT = 2

/** Writes under way at a time to one database: hundreds of hosts may be told at once that volumes were extended. */
const MAX_WRITES = 2

export const databaseOptions = (settings: DatabaseSettings): DatabaseOptions => ({
  maxConnections: settings.maxConnectionsPerDatabase,
  connectTimeoutMs: settings.connectTimeoutMs,
  queryTimeoutMs: settings.queryTimeoutMs,
  applicationName: 'novacast',
})

/** Below the number of connections, so that lookups never wait for one (`maxWrites` leaves them theirs). */
export const batchLimits = ({ maxConnectionsPerDatabase }: DatabaseSettings): BatchLimits => ({
  maxKeys: MAX_IDS,
  maxInFlight: Math.max(1, Math.min(MAX_IN_FLIGHT, maxConnectionsPerDatabase - 1)),
})

/** So many that one connection is left beside lookups and writes, where there are that many: for what is read now and then. */
export const maxWrites = (settings: DatabaseSettings): number => {
  const free = settings.maxConnectionsPerDatabase - batchLimits(settings).maxInFlight - 1
  return Math.max(1, Math.min(MAX_WRITES, free))
}
