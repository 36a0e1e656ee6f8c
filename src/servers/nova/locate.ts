import type { LRUCache } from 'lru-cache'
import type { CellId, ServerId, Whereabouts } from '../../events/event.ts'
import { isCanonicalUuid } from '../../lib/uuid.ts'
import { type Servers, ServersUnavailable } from '../servers.ts'
import type { ApiDatabase } from './api-database.ts'
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
 * same time.
 */
export function createLocate(parts: LocateParts): Servers['locate'] {
  return async (ids) => {
    const seen: Pair[] = []
    const fresh: ServerId[] = []
    for (const id of ids) {
      const cell = parts.remembered.get(id)
      if (cell === undefined) fresh.push(id)
      else seen.push([id, cell])
    }
    if (fresh.length === 0) return findSeen(parts, seen)
    if (seen.length === 0) return findAnew(parts, fresh)
    const answers = await Promise.all([findSeen(parts, seen), findAnew(parts, fresh)])
    return new Map(answers.flatMap((answer) => [...answer]))
  }
}

type Answer = Map<ServerId, Whereabouts>
type Pair = readonly [ServerId, CellId]

/** What cells answered of servers; `gone`: those of them that have no row there, or whose cell is not there at all. */
interface Asked {
  readonly answer: Answer
  readonly gone: readonly Pair[]
}

/** Servers seen before. One that is gone is looked for anew, once: it is in another cell now, or nowhere. Never rejects. */
async function findSeen(parts: LocateParts, pairs: readonly Pair[]): Promise<Answer> {
  const { answer, gone } = await findHosts(parts, pairs)
  if (gone.length === 0) return answer
  try {
    const anew = await findAnew(
      parts,
      gone.map(([id]) => id),
    )
    for (const [id, place] of anew) answer.set(id, place)
  } catch (error) {
    for (const [id, cell] of gone) answer.set(id, unlocatedIn(cell, error))
  }
  return answer
}

/** Servers whose cell nova_api is asked for; that it names it is remembered, unless they are gone from there too. */
async function findAnew(parts: LocateParts, ids: readonly ServerId[]): Promise<Answer> {
  const { api, remembered } = parts
  // Nova's uuids are lower case with dashes, and it compares letter by letter.
  const mappings = await orUnavailable(api.mappings(ids.filter(isCanonicalUuid)))
  const pairs: Pair[] = []
  const nowhere: [ServerId, Whereabouts][] = []
  for (const id of ids) {
    const cell = mappings.get(id)
    if (cell) {
      remembered.set(id, cell)
      pairs.push([id, cell])
    } else {
      remembered.delete(id)
      nowhere.push([id, cell === null ? UNASSIGNED : UNKNOWN])
    }
  }
  const { answer, gone } = await findHosts(parts, pairs)
  for (const [id] of gone) remembered.delete(id)
  for (const [id, place] of nowhere) answer.set(id, place)
  return answer
}

async function findHosts(parts: LocateParts, pairs: readonly Pair[]): Promise<Asked> {
  const [first] = pairs
  if (first === undefined) return { answer: new Map(), gone: [] }
  // Nearly every request is about servers of one cell.
  if (pairs.every(([, cell]) => cell === first[1])) return findInCell(parts, first[1], pairs)
  const byCell = Map.groupBy(pairs, ([, cell]) => cell)
  const asked = await Promise.all([...byCell].map(([cell, those]) => findInCell(parts, cell, those)))
  return { answer: new Map(asked.flatMap(({ answer }) => [...answer])), gone: asked.flatMap(({ gone }) => gone) }
}

/** Never rejects: of a cell that cannot be asked, the servers are unlocated. */
async function findInCell(parts: LocateParts, cell: CellId, pairs: readonly Pair[]): Promise<Asked> {
  const answer: Answer = new Map()
  try {
    const open = await parts.cells.get(cell)
    if (open === null) {
      const unlocated = unlocatedIn(cell, `there is no cell ${cell} in cell_mappings`)
      return { answer: new Map(pairs.map(([id]) => [id, unlocated])), gone: pairs }
    }
    if ('kind' in open.database) throw new Error(open.database.reason)
    const servers = await open.database.servers(pairs.map(([id]) => id))
    const gone: Pair[] = []
    const crossing: Promise<unknown>[] = []
    for (const pair of pairs) {
      const [id] = pair
      const server = servers.get(id)
      if (server === undefined) {
        answer.set(id, UNKNOWN)
        gone.push(pair)
      } else if (server.migration?.isCrossCell)
        crossing.push(placeCrossing(parts, server, cell).then((place) => answer.set(id, place)))
      else answer.set(id, toWhereabouts(server, cell, null))
    }
    if (crossing.length > 0) await Promise.all(crossing)
    return { answer, gone }
  } catch (error) {
    const unlocated = unlocatedIn(cell, error)
    for (const [id] of pairs) if (!answer.has(id)) answer.set(id, unlocated)
    return { answer, gone: [] }
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
