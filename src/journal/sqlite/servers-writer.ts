import type { DatabaseSync } from 'node:sqlite'
import { toUuidColumn } from './columns.ts'
import type { Follower } from './follow.ts'
import type { WireDestination, WirePlace, WireServer } from './protocol.ts'
import type { RecentMoves } from './recent-moves.ts'

/**
 * Writes the registry's rows inside the transaction that is open. What waits for a server follows it in the same one: after it, all
 * that is open of a server is for the hosts of its row, and for none where it has none.
 */
export interface ServersWriter {
  put(server: WireServer): 'created' | 'replaced'
  remove(uuid: string, atUs: number): boolean
}

export interface ServersWriterParts {
  readonly follower: Follower
  readonly moves: RecentMoves
}

export function createServersWriter(db: DatabaseSync, { follower, moves }: ServersWriterParts): ServersWriter {
  const find = db.prepare('SELECT host, moving_to FROM servers WHERE uuid = ?')
  const replace = db.prepare('INSERT OR REPLACE INTO servers VALUES (?, ?, ?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM servers WHERE uuid = ?')
  const bytes = new Uint8Array(16)
  return {
    put: ([uuid, host, movingTo, projectId, name, updatedAtUs]) => {
      const key = toUuidColumn(uuid, bytes)
      const before = find.get(key)
      replace.run(key, host, movingTo, projectId, name, updatedAtUs)
      if (before === undefined || before['host'] !== host || before['moving_to'] !== movingTo) {
        const found = { place: toPlace(host, movingTo), atUs: updatedAtUs }
        // No request can have found a new server anywhere, unless it was removed a moment ago: a million of them cost no memory.
        if (before !== undefined || moves.get(uuid) !== undefined) moves.note(uuid, found)
        // Of a server that was nowhere nothing is open.
        follower.follow(key, found, before === undefined || before['host'] === null ? 'none' : 'all')
      }
      return before === undefined ? 'created' : 'replaced'
    },
    remove: (uuid, atUs) => {
      const key = toUuidColumn(uuid, bytes)
      if (Number(remove.run(key).changes) === 0) return false
      const found = { place: UNKNOWN, atUs }
      moves.note(uuid, found)
      follower.follow(key, found, 'all')
      return true
    },
  }
}

const UNKNOWN: WirePlace = ['unknown', []]

/** As `toWhereabouts` of the registry has it. */
function toPlace(host: string | null, movingTo: string | null): WirePlace {
  if (host === null) return ['unassigned', []]
  const source: WireDestination = [host, null]
  return ['located', movingTo !== null && movingTo !== host ? [source, [movingTo, null]] : [source]]
}
