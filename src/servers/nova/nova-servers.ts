import { LRUCache } from 'lru-cache'
import { parseDatabaseUrl } from '../../database/url.ts'
import type { CellId, ServerId } from '../../events/event.ts'
import type { NovaCells } from '../../nova/cells.ts'
import type { CheckLine } from '../../observe/check-line.ts'
import type { Log } from '../../observe/log.ts'
import type { Servers } from '../servers.ts'
import { openApiDatabase } from './api-database.ts'
import { type CellDirectory, createCellDirectory } from './cell-directory.ts'
import { checkNovaDatabases } from './check.ts'
import { createComputeVersions } from './compute-versions.ts'
import { createLocate } from './locate.ts'
import type { DatabaseSettings } from './settings.ts'

export interface NovaServersParts {
  /** `[api_database] connection`. */
  readonly apiDatabase: string
  /** `[api_database] connection_parameters`; empty where there are none. */
  readonly apiDatabaseParameters: string
  /** `[database] connection`, which templates in `cell_mappings` are filled from. */
  readonly database: string | null
  /** `[database] connection_parameters`, for every cell's database. Source: nova/db/main/api.py create_context_manager. */
  readonly databaseParameters: string
  /** `[DEFAULT] transport_url`, which templates are filled from likewise. */
  readonly transportUrl: string | null
  readonly maxConnectionsPerDatabase: number
  readonly log: Log
  /** 3000 unless given. */
  readonly connectTimeoutMs?: number
  /** 5000 unless given. */
  readonly queryTimeoutMs?: number
}

/** Servers in Nova's own databases: nova_api says in which cell a server is, the cell's database on which hosts. */
export interface NovaServers extends Servers, NovaCells {
  /** Whether every database can be reached and gives the rights that are needed, for `novacast check`. Never rejects. */
  check(): Promise<readonly CheckLine[]>
  close(): Promise<void>
}

/** Servers remembered with their cell, some 20 MB: a mapping stays for life, but for a resize to another cell. */
const MAPPINGS_REMEMBERED = 100_000

/** Connects when first asked. Throws when the URL of nova_api is none. */
export function createNovaServers(parts: NovaServersParts): NovaServers {
  const { log, maxConnectionsPerDatabase, connectTimeoutMs = 3000, queryTimeoutMs = 5000 } = parts
  const settings: DatabaseSettings = { maxConnectionsPerDatabase, connectTimeoutMs, queryTimeoutMs, log }
  const parsed = parseDatabaseUrl(parts.apiDatabase, parts.apiDatabaseParameters)
  if (parsed.kind === 'invalid') {
    const where = parts.apiDatabaseParameters === '' ? 'connection' : 'connection with connection_parameters'
    throw new Error(`[api_database] ${where}: ${parsed.reason}`)
  }
  const api = openApiDatabase(parsed.url, settings)
  const { database, databaseParameters, transportUrl } = parts
  const local = { database, databaseParameters, transportUrl }
  const cells = createCellDirectory({ api, local, settings })
  return {
    locate: createLocate({ api, cells, remembered: new LRUCache<ServerId, CellId>({ max: MAPPINGS_REMEMBERED }) }),
    cell: async (id) => (await cells.get(id))?.cell ?? null,
    all: async () => (await cells.all()).map(({ cell }) => cell),
    computeVersion: createComputeVersions(cells),
    recordActions: async (id, actions, options) => (await databaseOf(cells, id)).recordActions(actions, options),
    check: () => checkNovaDatabases(parsed.url, local, settings),
    close: async () => {
      await Promise.all([cells.close(), api.close()])
    },
  }
}

/** Rejects where the cell is not there, or its database's URL is none. */
async function databaseOf(cells: CellDirectory, id: CellId) {
  const open = await cells.get(id)
  if (open === null) throw new Error(`there is no cell ${id} in cell_mappings`)
  if ('kind' in open.database) throw new Error(open.database.reason)
  return open.database
}
