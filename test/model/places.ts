import type { CellId, Destination, HostName, ServerId, Whereabouts } from '../../src/events/event.ts'
import { type Servers, ServersUnavailable } from '../../src/servers/servers.ts'
import { hostName, newServerId } from '../journal/submissions.ts'
import { CELLS } from './broker.ts'
import type { Step } from './hosts.ts'
import type { Random } from './random.ts'
import type { Reference } from './reference.ts'

/** Where a few servers are, which changes. */
export interface Places extends Servers {
  readonly servers: readonly ServerId[]
  /** Every server is on some host, and everything can be asked. */
  mend(): void
  readonly steps: Readonly<Record<string, Step>>
}

/** Hosts that a server may be on, and the cell whose database knows. */
interface Range {
  readonly cell: CellId | null
  readonly hosts: readonly HostName[]
}

const SERVERS = 6
const STANDALONE: readonly Range[] = [{ cell: null, hosts: ['h1', 'h2', 'h3', 'h4'].map(hostName) }]

/** A server stays in its cell. */
export function createPlaces(reference: Reference, life: 'standalone' | 'in cells'): Places {
  const ranges = life === 'standalone' ? STANDALONE : CELLS
  const homes = new Map<ServerId, Range>()
  const places = new Map<ServerId, Whereabouts>()
  const down = new Set<CellId>()
  let isAway = false

  const place = (server: ServerId, where: Whereabouts) => {
    places.set(server, where)
    reference.moved(server, where.kind === 'located' ? where.destinations.map(({ host }) => host) : [])
  }
  const at = ({ cell, hosts }: Range, first: number, count: number): Whereabouts => {
    const destination = (i: number): Destination => ({ host: hosts[(first + i) % hosts.length] as HostName, cell })
    const others = Array.from({ length: count - 1 }, (_, i) => destination(i + 1))
    return { kind: 'located', destinations: [destination(0), ...others], instance: null }
  }
  for (let i = 0; i < SERVERS; i++) {
    const server = newServerId()
    const home = ranges[i % ranges.length] as Range
    homes.set(server, home)
    place(server, at(home, i, 1))
  }
  const whereIs = (server: ServerId): Whereabouts => {
    const cell = homes.get(server)?.cell ?? null
    if (cell !== null && down.has(cell)) return { kind: 'unlocated', cell, reason: 'its database is down' }
    return places.get(server) ?? { kind: 'unknown' }
  }
  const servers = [...homes.keys()]
  const move = (random: Random) => {
    const server = random.pick(servers)
    const home = homes.get(server) as Range
    const anywhere = random.below(home.hosts.length)
    const kind = random.pick(['on a host', 'on a host', 'on a host', 'moving', 'moving', 'on no host', 'gone'] as const)
    if (kind === 'gone') place(server, { kind: 'unknown' })
    else if (kind === 'on no host') place(server, { kind: 'unassigned' })
    else place(server, at(home, anywhere, kind === 'moving' ? 2 : 1))
    return true
  }
  return {
    servers,
    locate: async (ids) => {
      if (isAway) throw new ServersUnavailable('nothing can be asked')
      return new Map(ids.map((id) => [id, whereIs(id)]))
    },
    mend: () => {
      isAway = false
      down.clear()
      for (const [i, server] of servers.entries()) {
        const where = places.get(server)
        if (where?.kind !== 'located') place(server, at(homes.get(server) as Range, i, 1))
      }
    },
    steps: {
      'a server moves': { weight: 3, take: move },
      'the servers can be asked, or not': {
        weight: 0.5,
        take: () => {
          isAway = !isAway
          return true
        },
      },
      "a cell's database is down or up": {
        weight: life === 'standalone' ? 0 : 1,
        take: (random) => {
          const { cell } = random.pick(ranges)
          if (cell !== null && !down.delete(cell)) down.add(cell)
          return true
        },
      },
    },
  }
}
