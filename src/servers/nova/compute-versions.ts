import type { CellId, HostName } from '../../events/event.ts'
import type { NovaCells } from '../../nova/cells.ts'
import type { CellDirectory } from './cell-directory.ts'

const REREAD_MS = 60_000
/** After so long a database that could not be asked is asked again. */
const RETRY_MS = 5000

interface Versions {
  readonly readAtMs: number
  readonly byHost: Promise<ReadonlyMap<HostName, number>>
}

/**
 * The versions of all nova-computes of a cell, read in one go and remembered for a minute. While the cell's database is down, what was
 * known last: a version only grows, and an older one is always understood.
 */
export function createComputeVersions(cells: CellDirectory): NovaCells['computeVersion'] {
  const known = new Map<CellId, Versions>()

  const read = async (id: CellId, before: Versions | undefined): Promise<ReadonlyMap<HostName, number>> => {
    try {
      const open = await cells.get(id)
      if (open === null || 'kind' in open.database) return new Map()
      return await open.database.computeVersions()
    } catch {
      // Told by the circuit of the database already.
      const last = before?.byHost ?? Promise.resolve(new Map<HostName, number>())
      known.set(id, { readAtMs: performance.now() - REREAD_MS + RETRY_MS, byHost: last })
      return last
    }
  }
  return async (id, host) => {
    let versions = known.get(id)
    if (versions === undefined || performance.now() - versions.readAtMs > REREAD_MS) {
      versions = { readAtMs: performance.now(), byHost: read(id, versions) }
      known.set(id, versions)
    }
    return (await versions.byHost).get(host) ?? null
  }
}
