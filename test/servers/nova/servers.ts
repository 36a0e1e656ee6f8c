import { randomUUID } from 'node:crypto'
import type { ServerId, Whereabouts } from '../../../src/events/event.ts'
import { createLog } from '../../../src/observe/log.ts'
import { createNovaServers, type NovaServers, type NovaServersParts } from '../../../src/servers/nova/nova-servers.ts'
import { CELLS, type CellName, type Cloud, type Row } from './cloud.ts'

/** A server's row and what belongs to it, with what a test says otherwise. */
export interface SeededServer {
  readonly cell?: CellName
  /** The cell that instance_mappings names; null: none. As `cell` unless given. */
  readonly mappedTo?: CellName | null
  readonly row?: Row
  readonly migrationContext?: string | null
}

/** Puts a server into a cloud. */
export async function seed(
  cloud: Cloud,
  { cell = 'cell1', mappedTo = cell, row = {}, migrationContext = null }: SeededServer = {},
): Promise<ServerId> {
  const uuid = (row['uuid'] ?? randomUUID()) as ServerId
  await cloud.insert(cell, 'instances', [
    { uuid, host: 'compute-1', node: 'compute-1', vm_state: 'active', deleted: 0, hidden: 0, ...row },
  ])
  await cloud.insert(cell, 'instance_info_caches', [{ instance_uuid: uuid, network_info: '[]', deleted: 0 }])
  await cloud.insert(cell, 'instance_extra', [{ instance_uuid: uuid, migration_context: migrationContext, deleted: 0 }])
  await map(cloud, uuid, mappedTo)
  return uuid
}

/** Says in which cell a server is. */
export async function map(cloud: Cloud, uuid: ServerId, cell: CellName | null): Promise<void> {
  await cloud.run('api', `DELETE FROM instance_mappings WHERE instance_uuid = '${uuid}'`)
  const id = cell === null ? null : CELLS.indexOf(cell) + 1
  await cloud.insert('api', 'instance_mappings', [{ instance_uuid: uuid, cell_id: id, project_id: 'p', queued_for_delete: 0 }])
}

/** A migration context as instance_extra holds it. */
export const migrationContext = (migrationId: number): string =>
  JSON.stringify({
    'nova_object.name': 'MigrationContext',
    'nova_object.namespace': 'nova',
    'nova_object.version': '1.2',
    'nova_object.data': { migration_id: migrationId },
  })

/** novacast's view of a cloud, quick to lose patience. */
export function novaServers(cloud: Cloud, parts: Partial<NovaServersParts> = {}): NovaServers {
  return createNovaServers({
    apiDatabase: cloud.apiUrl,
    apiDatabaseParameters: '',
    database: null,
    databaseParameters: '',
    transportUrl: null,
    maxConnectionsPerDatabase: 3,
    connectTimeoutMs: 5000,
    queryTimeoutMs: 5000,
    log: createLog({ level: 'silent' }),
    ...parts,
  })
}

/** Where one server is. */
export async function locateOne(servers: NovaServers, id: ServerId): Promise<Whereabouts> {
  const found = (await servers.locate([id])).get(id)
  if (found === undefined) throw new Error(`no answer for ${id}`)
  return found
}

/** In short: `compute-1 compute-2`, or the kind where it is not located. */
export const hostsIn = (found: Whereabouts): string =>
  found.kind === 'located' ? found.destinations.map(({ host }) => host).join(' ') : found.kind
