import type { RegisteredServer, ServerQuery } from '../../servers/registry/registry.ts'
import { toUuidColumn } from './columns.ts'
import type { Job, Prepare } from './reads.ts'
import { parseServer } from './rows.ts'

/** Servers looked at between two stops: some 2 ms. */
const STRIDE = 10_000

const PAGE = 'SELECT * FROM servers WHERE uuid > ? ORDER BY uuid LIMIT ?'
const STRIDE_END = `SELECT uuid FROM servers WHERE uuid > ? ORDER BY uuid LIMIT 1 OFFSET ${STRIDE - 1}`
const OF_HOST = 'SELECT * FROM servers WHERE uuid > ?1 AND uuid <= ?2 AND (host = ?3 OR moving_to = ?3) ORDER BY uuid LIMIT ?4'

/** Behind every uuid there is. */
const LAST = new Uint8Array(17).fill(0xff)

/**
 * Lists servers. A host's are found by looking through all, in strides: 50 ms in a million. An index on the hosts would give them
 * at once, and make every import a third slower (21,000 rows/s instead of 31,000 at a million).
 */
export function createServerReads(prepare: Prepare) {
  function* list({ host, after, limit }: ServerQuery): Job<readonly RegisteredServer[]> {
    let from = after === undefined ? new Uint8Array(0) : toUuidColumn(after)
    if (host === undefined) return prepare(PAGE).all(from, limit).map(parseServer)
    const found: RegisteredServer[] = []
    for (;;) {
      const end = prepare(STRIDE_END).get(from)?.['uuid']
      const upTo = end instanceof Uint8Array ? end : LAST
      found.push(
        ...prepare(OF_HOST)
          .all(from, upTo, host, limit - found.length)
          .map(parseServer),
      )
      if (upTo === LAST || found.length >= limit) return found
      from = upTo
      yield undefined
    }
  }
  return { list }
}
