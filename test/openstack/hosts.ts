import { randomBytes, randomUUID } from 'node:crypto'
import type { NovaDatabases } from './databases.ts'
import type { HostNames } from './plant.ts'

/** Names that nobody else has, for the hosts that captured rows name: no nova-compute takes away what is cast to them. */
export function hostNames(): HostNames {
  const run = randomBytes(4).toString('hex')
  return { 'compute-1': `compute-1.${run}`, 'compute-2': `compute-2.${run}`, 'compute-9': `compute-9.${run}` }
}

/** Makes hosts known to cell1 as their nova-computes would, of the version of those that run. Gives back what takes them out again. */
export async function joinCell(databases: NovaDatabases, hosts: readonly string[]): Promise<() => Promise<void>> {
  const [api, cell] = [databases.of('nova_api'), databases.of('nova_cell1')]
  const mapping = await api.selectFrom('host_mappings').selectAll().where('host', '=', 'compute-1').executeTakeFirst()
  const service = await cell.selectFrom('services').selectAll().where('host', '=', 'compute-1').executeTakeFirst()
  for (const host of hosts) {
    await databases.insert('nova_api', 'host_mappings', { host, cell_id: mapping?.['cell_id'] })
    await databases.insert('nova_cell1', 'services', {
      host,
      uuid: randomUUID(),
      binary: 'nova-compute',
      topic: 'compute',
      version: service?.['version'],
      report_count: 0,
      disabled: 0,
      forced_down: 0,
      deleted: 0,
    })
  }
  return async () => {
    await api.deleteFrom('host_mappings').where('host', 'in', hosts).execute()
    await cell.deleteFrom('services').where('host', 'in', hosts).execute()
  }
}
