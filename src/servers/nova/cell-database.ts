import { type Database, openDatabase } from '../../database/connect.ts'
import { isIn } from '../../database/in-list.ts'
import { jsonRow } from '../../database/json-row.ts'
import { toTrouble } from '../../database/trouble.ts'
import type { DatabaseUrl, Engine } from '../../database/url.ts'
import type { HostName, ServerId } from '../../events/event.ts'
import { ActionRefused, type InstanceAction } from '../../nova/cells.ts'
import { INFO_CACHE_COLUMNS, INSTANCE_COLUMNS, migrationIdOf } from '../../nova/instance-row.ts'
import { batchByTick } from '../batch.ts'
import { createSlots } from '../slots.ts'
import { insertActions } from './actions.ts'
import { createCircuit } from './circuit.ts'
import { createRowReader } from './server-rows.ts'
import { batchLimits, type DatabaseSettings, databaseOptions, maxWrites, NOBODY } from './settings.ts'
import type { CellTables } from './tables.ts'
import type { FoundServer, Migration } from './whereabouts.ts'

/** The database of one cell. Everything rejects with `DatabaseTrouble`, at once while it is down. */
export interface CellDatabase {
  /** Every id asked for is a key of the answer; undefined: no such row here, or a hidden one. */
  servers(ids: readonly ServerId[]): Promise<ReadonlyMap<ServerId, FoundServer | undefined>>
  /** `services.version` of every nova-compute of the cell. */
  computeVersions(): Promise<ReadonlyMap<HostName, number>>
  /** Rejects with `ActionRefused` too. */
  recordActions(actions: readonly InstanceAction[], options: { readonly unlessThere: boolean }): Promise<void>
  close(): Promise<void>
}

/** A pool for this cell alone, with batches of its own: what is slow here keeps no request waiting that has no server here. */
export function openCellDatabase(name: string, url: DatabaseUrl, settings: DatabaseSettings): CellDatabase {
  const database = openDatabase<CellTables>(url, databaseOptions(settings))
  const readRow = createRowReader()
  const writes = createSlots(maxWrites(settings))
  const circuit = createCircuit({
    name: `the database of ${name}`,
    probe: () => readServers(database, readRow, [NOBODY]),
    log: settings.log,
  })
  return {
    servers: batchByTick(
      (ids: readonly ServerId[]) => circuit.lookUp(() => readServers(database, readRow, ids)),
      batchLimits(settings),
    ),
    computeVersions: () => circuit.read(() => readComputeVersions(database)),
    recordActions: async (actions, options) => {
      try {
        await writes.run(() => circuit.write(() => insertActions(database, actions, options)))
      } catch (error) {
        const { kind, message } = toTrouble(error)
        throw kind === 'wrong' ? new ActionRefused(message) : error
      }
    },
    close: async () => {
      circuit.close()
      await database.close()
    },
  }
}

const COLUMNS = [
  ...INSTANCE_COLUMNS.map((column) => `i.${column}`),
  ...INFO_CACHE_COLUMNS.map((column) => `c.${column}`),
  'e.migration_context',
]

/** Nova's query for the servers, without its filter by project: who may post may tell of any server. */
const selectServers = (engine: Engine) =>
  `SELECT ${jsonRow(engine, COLUMNS)} FROM instances i LEFT JOIN instance_info_caches c ON c.instance_uuid = i.uuid ` +
  'LEFT JOIN instance_extra e ON e.instance_uuid = i.uuid WHERE '
const SERVERS = { mysql: selectServers('mysql'), postgresql: selectServers('postgresql') } as const

async function readServers(
  database: Database<CellTables>,
  readRow: ReturnType<typeof createRowReader>,
  ids: readonly ServerId[],
) {
  const readAtUs = Date.now() * 1000
  const { sql, parameters } = isIn(database.engine, 'i.uuid', ids)
  const answer = await database.query(SERVERS[database.engine] + sql, parameters)
  const rows = answer.map(readRow).filter((row) => !row.isHidden)
  const migrationIds = rows.map(({ data }) => migrationIdOf(data)).filter((id) => id !== null)
  const migrations = migrationIds.length === 0 ? new Map<number, Migration>() : await readMigrations(database, migrationIds)
  // Of several rows in instance_extra, the first counts. By the row's spelling: MySQL also finds what differs in case.
  const found = new Map<string, FoundServer>()
  for (const { uuid, data } of rows) {
    if (found.has(uuid)) continue
    found.set(uuid, { data, migration: migrations.get(migrationIdOf(data) ?? -1) ?? null, readAtUs })
  }
  return new Map(ids.map((id) => [id, found.get(id)]))
}

/** Deleted ones too, and whatever their status: as long as the server's row names a migration, it moves. */
async function readMigrations({ kysely }: Database<CellTables>, ids: readonly number[]): Promise<ReadonlyMap<number, Migration>> {
  const rows = await kysely
    .selectFrom('migrations')
    .select(['id', 'source_compute', 'dest_compute', 'cross_cell_move'])
    .where('id', 'in', [...ids])
    .execute()
  return new Map(
    rows.map((row) => [
      row.id,
      {
        source: row.source_compute as HostName | null,
        dest: row.dest_compute as HostName | null,
        isCrossCell: Boolean(row.cross_cell_move),
      },
    ]),
  )
}

async function readComputeVersions({ kysely }: Database<CellTables>): Promise<ReadonlyMap<HostName, number>> {
  const rows = await kysely
    .selectFrom('services')
    .select(['host', 'version'])
    .where('binary', '=', 'nova-compute')
    .where('deleted', '=', 0)
    .execute()
  return new Map(rows.map(({ host, version }) => [host as HostName, version ?? 0]))
}
