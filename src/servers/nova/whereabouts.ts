import type { CellId, Destination, HostName, Whereabouts } from '../../events/event.ts'
import type { Instance, NovaValue } from '../../nova/instance.ts'

/** A row of `migrations`. */
export interface Migration {
  readonly source: HostName | null
  readonly dest: HostName | null
  readonly isCrossCell: boolean
}

/** A server as its cell's database has it. */
export interface FoundServer {
  readonly data: Readonly<Record<string, NovaValue>>
  /** Null: it does not move, or the row of its migration is gone. */
  readonly migration: Migration | null
  /** Microseconds since the epoch. */
  readonly readAtUs: number
}

/**
 * The hosts that get a server's events, the source of a move first, each once; none where the server itself has none. Nova sends the
 * event twice to the same host where a destination is not set. Source: nova/compute/api.py _get_relevant_hosts.
 */
export function hostsOf({ data, migration }: FoundServer): readonly HostName[] {
  const host = data['host'] as HostName | null
  if (!host) return []
  const hosts = migration === null ? [host] : [migration.source, host, migration.dest]
  return [...new Set(hosts.filter((each) => each !== null).filter((each) => each !== ''))]
}

/**
 * Where a server of this cell is. Of one that moves across cells each host is reached by its own cell; a host that is not mapped can
 * only be left out, unless it is the server's own, which is in this cell.
 */
export function toWhereabouts(found: FoundServer, cell: CellId, hostCells: ReadonlyMap<HostName, CellId> | null): Whereabouts {
  const destinations = hostsOf(found).flatMap((host): Destination[] => {
    const mapped = hostCells === null || host === found.data['host'] ? cell : undefined
    const hostCell = hostCells?.get(host) ?? mapped
    return hostCell === undefined ? [] : [{ host, cell: hostCell }]
  })
  const [first, ...others] = destinations
  if (first === undefined) return { kind: 'unassigned' }
  return { kind: 'located', destinations: [first, ...others], instance: toInstance(found, cell) }
}

function toInstance({ data, migration, readAtUs }: FoundServer, cell: CellId): Instance {
  return {
    uuid: data['uuid'] as string,
    cell,
    projectId: data['project_id'] as string | null,
    isMovingAcrossCells: migration?.isCrossCell ?? false,
    data,
    readAtUs,
  }
}
