import { type Database, openDatabase } from '../../database/connect.ts'
import { isIn } from '../../database/in-list.ts'
import type { DatabaseUrl } from '../../database/url.ts'
import type { CellId, HostName, ServerId } from '../../events/event.ts'
import { batchByTick } from '../batch.ts'
import { createCircuit } from './circuit.ts'
import { batchLimits, type DatabaseSettings, databaseOptions, NOBODY } from './settings.ts'
import type { ApiTables } from './tables.ts'

/** A row of `cell_mappings`, URLs as they stand there: they may be templates. */
export interface CellRow {
  readonly id: CellId
  readonly name: string | null
  readonly transportUrl: string
  readonly databaseConnection: string
  readonly isDisabled: boolean
}

/** Where nova_api says that a server is; null: in no cell yet. */
export type Mapping = CellId | null

/** The database nova_api: which cell is a server in, which cells are there. Everything rejects with `DatabaseTrouble`, at once while it is down. */
export interface ApiDatabase {
  cells(): Promise<readonly CellRow[]>
  /** Every id asked for is a key of the answer; undefined: no server of that id. */
  mappings(ids: readonly ServerId[]): Promise<ReadonlyMap<ServerId, Mapping | undefined>>
  /** The cells of those hosts that are mapped. */
  hostCells(hosts: readonly HostName[]): Promise<ReadonlyMap<HostName, CellId>>
  close(): Promise<void>
}

export function openApiDatabase(url: DatabaseUrl, settings: DatabaseSettings): ApiDatabase {
  const database = openDatabase<ApiTables>(url, databaseOptions(settings))
  const circuit = createCircuit({
    name: 'the database nova_api',
    probe: () => readMappings(database, [NOBODY]),
    log: settings.log,
  })
  const mappings = batchByTick(
    (ids: readonly ServerId[]) => circuit.lookUp(() => readMappings(database, ids)),
    batchLimits(settings),
  )
  return {
    cells: () => circuit.read(() => readCells(database)),
    mappings,
    hostCells: (hosts) => circuit.read(() => readHostCells(database, hosts)),
    close: async () => {
      circuit.close()
      await database.close()
    },
  }
}

async function readMappings({ engine, query }: Database<ApiTables>, ids: readonly ServerId[]) {
  const { sql, parameters } = isIn(engine, 'm.instance_uuid', ids)
  const rows = await query(
    `SELECT m.instance_uuid, c.uuid FROM instance_mappings m LEFT JOIN cell_mappings c ON c.id = m.cell_id WHERE ${sql}`,
    parameters,
  )
  // By the row's spelling: MySQL also finds what differs in case.
  const found = new Map(rows.map(([server, cell]) => [server as ServerId, cell as Mapping]))
  return new Map(ids.map((id) => [id, found.get(id)]))
}

async function readCells({ kysely }: Database<ApiTables>): Promise<CellRow[]> {
  const rows = await kysely
    .selectFrom('cell_mappings')
    .select(['uuid', 'name', 'transport_url', 'database_connection', 'disabled'])
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.uuid as CellId,
    name: row.name,
    transportUrl: row.transport_url ?? '',
    databaseConnection: row.database_connection ?? '',
    isDisabled: Boolean(row.disabled),
  }))
}

async function readHostCells({ kysely }: Database<ApiTables>, hosts: readonly HostName[]) {
  const rows = await kysely
    .selectFrom('host_mappings')
    .innerJoin('cell_mappings', 'cell_mappings.id', 'host_mappings.cell_id')
    .select(['host_mappings.host', 'cell_mappings.uuid'])
    .where('host_mappings.host', 'in', [...hosts])
    .execute()
  return new Map(rows.map(({ host, uuid }) => [host as HostName, uuid as CellId]))
}
