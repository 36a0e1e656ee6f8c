import type { DatabaseSync } from 'node:sqlite'
import { toUuidColumn } from './columns.ts'
import type { WireServer } from './protocol.ts'

/** Writes the registry's rows inside the transaction that is open. */
export interface ServersWriter {
  put(server: WireServer): 'created' | 'replaced'
  remove(uuid: string): boolean
}

export function createServersWriter(db: DatabaseSync): ServersWriter {
  const find = db.prepare('SELECT 1 FROM servers WHERE uuid = ?')
  const replace = db.prepare('INSERT OR REPLACE INTO servers VALUES (?, ?, ?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM servers WHERE uuid = ?')
  const bytes = new Uint8Array(16)
  return {
    put: ([uuid, host, movingTo, projectId, name, updatedAtUs]) => {
      const key = toUuidColumn(uuid, bytes)
      const found = find.get(key) !== undefined
      replace.run(key, host, movingTo, projectId, name, updatedAtUs)
      return found ? 'replaced' : 'created'
    },
    remove: (uuid) => remove.run(toUuidColumn(uuid, bytes)).changes > 0,
  }
}
