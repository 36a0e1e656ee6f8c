import type { LRUCache } from 'lru-cache'
import { DatabaseTrouble } from '../../database/trouble.ts'
import type { CellId, ServerId, Whereabouts } from '../../events/event.ts'
import { isCanonicalUuid } from '../../lib/uuid.ts'
import { type Servers, ServersUnavailable } from '../servers.ts'
import type { ApiDatabase, Mapping } from './api-database.ts'
import type { CellDirectory } from './cell-directory.ts'
import { type FoundServer, hostsOf, toWhereabouts } from './whereabouts.ts'

export interface LocateParts {
  readonly api: ApiDatabase
  readonly cells: CellDirectory
  /** Cells of servers seen before. Hosts are never remembered: a server moves. */
  readonly remembered: LRUCache<ServerId, CellId>
}

const UNKNOWN: Whereabouts = { kind: 'unknown' }
const UNASSIGNED: Whereabouts = { kind: 'unassigned' }

/**
 * Where servers are, in two steps: the cell of each (remembered, else asked of nova_api), then its row in that cell, all cells at the
 * same time. A server whose row is not where it was remembered is looked for once more: it moved to another cell, or is gone.
 */
export function createLocate(parts: LocateParts): Servers['locate'] {
  const { remembered } = parts
  return async (ids) => {
    const answer = new Map<ServerId, Whereabouts>()
    const fresh: ServerId[] = []
    const mapped = new Map<ServerId, CellId>()
    for (const id of ids) {
      const cell = remembered.get(id)
      if (cell !== undefined) mapped.set(id, cell)
      // Nova's uuids are lower case with dashes, and it compares letter by letter.
      else if (isCanonicalUuid(id)) fresh.push(id)
      else answer.set(id, UNKNOWN)
    }
    const asked = fresh.length === 0 ? [] : await findCells(parts, fresh, answer)
    const gone = await findHosts(parts, [...mapped, ...asked], answer)
    if (gone.length > 0) await findAgain(parts, gone, { mapped, answer })
    return answer
  }
}

type Answer = Map<ServerId, Whereabouts>
type Pair = readonly [ServerId, CellId]

/** Those that are in a cell; what nova_api alone can answer of the others goes to the answer. */
async function findCells({ api, remembered }: LocateParts, ids: readonly ServerId[], answer: Answer): Promise<readonly Pair[]> {
  const mappings = await orUnavailable(api.mappings(ids))
  const found: Pair[] = []
  for (const id of ids) {
    const cell: Mapping | undefined = mappings.get(id)
    if (cell === undefined) answer.set(id, UNKNOWN)
    else if (cell === null) answer.set(id, UNASSIGNED)
    else {
      remembered.set(id, cell)
      found.push([id, cell])
    }
  }
  return found
}

/** Puts what the cells know to the answer, and gives those that their cell has no row of. */
async function findHosts(parts: LocateParts, pairs: readonly Pair[], answer: Answer): Promise<readonly Pair[]> {
  const [first] = pairs
  if (first === undefined) return []
  // Nearly every request is about servers of one cell.
  if (pairs.every(([, cell]) => cell === first[1])) {
    return findInCell(parts, first[1], { ids: pairs.map(([id]) => id), answer })
  }
  const byCell = Map.groupBy(pairs, ([, cell]) => cell)
  const gone = await Promise.all(
    [...byCell].map(([cell, those]) => findInCell(parts, cell, { ids: those.map(([id]) => id), answer })),
  )
  return gone.flat()
}

/** Never rejects: of a cell that cannot be asked, the servers are unlocated. */
async function findInCell(
  parts: LocateParts,
  cell: CellId,
  { ids, answer }: { readonly ids: readonly ServerId[]; readonly answer: Answer },
): Promise<readonly Pair[]> {
  try {
    const open = await parts.cells.get(cell)
    if (open === null) throw new DatabaseTrouble('missing', `there is no cell ${cell} in cell_mappings`)
    if ('kind' in open.database) throw new DatabaseTrouble('missing', open.database.reason)
    const servers = await open.database.servers(ids)
    const gone: Pair[] = []
    const crossing: Promise<unknown>[] = []
    for (const id of ids) {
      const server = servers.get(id)
      if (server === undefined) gone.push([id, cell])
      else if (server.migration?.isCrossCell)
        crossing.push(placeCrossing(parts, server, cell).then((place) => answer.set(id, place)))
      else answer.set(id, toWhereabouts(server, cell, null))
    }
    if (crossing.length > 0) await Promise.all(crossing)
    return gone
  } catch (error) {
    const unlocated = unlocatedIn(cell, error)
    for (const id of ids) if (!answer.has(id)) answer.set(id, unlocated)
    return []
  }
}

/** Of a server that moves across cells, nova_api knows where each host is. Never rejects. */
async function placeCrossing({ api }: LocateParts, server: FoundServer, cell: CellId): Promise<Whereabouts> {
  try {
    return toWhereabouts(server, cell, await api.hostCells(hostsOf(server)))
  } catch (error) {
    return unlocatedIn(cell, error)
  }
}

/** A mapping that was remembered may be old: it is asked for anew, once. One just asked for says that there is no such server. */
async function findAgain(
  parts: LocateParts,
  gone: readonly Pair[],
  { mapped, answer }: { readonly mapped: ReadonlyMap<ServerId, CellId>; readonly answer: Answer },
): Promise<void> {
  const old = gone.filter(([id]) => mapped.has(id))
  for (const [id] of gone) {
    answer.set(id, UNKNOWN)
    parts.remembered.delete(id)
  }
  try {
    const ids = old.map(([id]) => id)
    if (ids.length === 0) return
    const moved = (await findCells(parts, ids, answer)).filter(([id, cell]) => mapped.get(id) !== cell)
    await findHosts(parts, moved, answer)
  } catch (error) {
    for (const [id, cell] of old) answer.set(id, unlocatedIn(cell, error))
  }
}

function unlocatedIn(cell: CellId, error: unknown): Whereabouts {
  return { kind: 'unlocated', cell, reason: error instanceof Error ? error.message : String(error) }
}

async function orUnavailable<Asked>(asked: Promise<Asked>): Promise<Asked> {
  try {
    return await asked
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ServersUnavailable(`the database nova_api cannot be asked: ${reason}`, { cause: error })
  }
}
