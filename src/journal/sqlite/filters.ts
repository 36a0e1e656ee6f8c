import type { DatabaseSync } from 'node:sqlite'
import { addServer, BLOCKS, FILTER_BYTES, rowsOf, SPAN } from '../server-filter.ts'
import type { Column } from './columns.ts'

/** A span is turned round in so many pieces, one at the end of each of the buckets that follow it: no commit waits for all. */
const PIECES = 8
const PIECE_BLOCKS = BLOCKS / PIECES
const PIECE_BYTES = FILTER_BYTES / PIECES

/** The filters of servers as the writer keeps them. */
export interface Filters {
  add(server: Column): void
  /** Adds all servers of events from this number on. */
  read(start: number): void
  /** Keeps what was added as the filter of a bucket that is full. */
  write(bucket: number): void
  clear(): void
}

export function createFilters(db: DatabaseSync): Filters {
  const servers = db.prepare('SELECT server FROM events WHERE seq >= ?')
  const addBucket = db.prepare('INSERT OR REPLACE INTO bucket_servers VALUES (?, ?)')
  const pieces = db.prepare(`SELECT bucket % ${SPAN} AS place, substr(bits, ?, ${PIECE_BYTES}) AS bits FROM bucket_servers
    WHERE bucket BETWEEN ? AND ?`)
  const addRow = db.prepare('INSERT OR REPLACE INTO span_servers VALUES (?, ?)')
  const removeBuckets = db.prepare('DELETE FROM bucket_servers WHERE bucket BETWEEN ? AND ?')
  const filter = new Uint8Array(FILTER_BYTES)

  const turn = (span: number, piece: number) => {
    const [first, last] = [span * SPAN, span * SPAN + SPAN - 1]
    // One of which nothing is known may have every server.
    const filters = Array.from({ length: SPAN }, () => new Uint8Array(PIECE_BYTES).fill(0xff))
    for (const { place, bits } of pieces.all(piece * PIECE_BYTES + 1, first, last))
      if (bits instanceof Uint8Array) filters[Number(place)] = bits
    let block = piece * PIECE_BLOCKS
    for (const row of rowsOf(filters, PIECE_BLOCKS)) addRow.run(toPlace(span, block++), row)
    if (piece === PIECES - 1) removeBuckets.run(first, last)
  }
  return {
    add: (server) => addServer(filter, toBytes(server)),
    read: (start) => {
      for (const { server } of servers.iterate(start))
        addServer(filter, toBytes(server instanceof Uint8Array ? server : String(server)))
    },
    write: (bucket) => {
      addBucket.run(bucket, filter)
      const span = Math.floor(bucket / SPAN)
      if (span > 0 && bucket % SPAN < PIECES) turn(span - 1, bucket % SPAN)
    },
    clear: () => void filter.fill(0),
  }
}

/** Removes the rows of all spans before one, inside the transaction that is open: 2048 a span, 5 ms for half a million events. */
export function createSpanRemover(db: DatabaseSync): (before: number) => void {
  const find = db.prepare('SELECT 1 FROM span_servers WHERE place >= ? AND place < ? LIMIT 1')
  const remove = db.prepare('DELETE FROM span_servers WHERE place >= ? AND place < ?')
  return (before) => {
    // The last of its blocks is written last.
    if (find.get(toPlace(0, BLOCKS - 1), toPlace(before, BLOCKS - 1)) === undefined) return
    for (let block = 0; block < BLOCKS; block++) remove.run(toPlace(0, block), toPlace(before, block))
  }
}

/** The key of the row of a block in a span: the rows of a block are beside each other, so that a look-up reads few pages. */
export function toPlace(span: number, block: number): number {
  return block * MOST_SPANS + span
}

/** Of half a million events each. */
const MOST_SPANS = 2 ** 24

/** The bytes that stand for a server in filters. */
export function toBytes(server: Column): Uint8Array {
  return typeof server === 'string' ? Buffer.from(server) : server
}
