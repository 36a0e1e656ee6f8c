import type { ServerId } from '../../events/event.ts'
import { bucketsIn, hasServer, type Place, placeOf, SPAN } from '../server-filter.ts'
import { type Column, toUuidColumn } from './columns.ts'
import { BUCKET_SHIFT } from './database.ts'
import { toBytes, toPlace } from './filters.ts'
import type { Prepare } from './reads.ts'

/** Events that one statement finds, unless a single bucket has more. */
const AT_ONCE = 128
/** Filters of buckets that are remembered, of 16 KiB each: there are 72 at most that are not turned round yet. */
const MAX_REMEMBERED = 2 * SPAN

/** From one bucket to another, both included. */
export type Buckets = readonly [first: number, last: number]

/**
 * Finds the buckets that have events of a server, in groups that one statement looks through: in the order of their numbers, or
 * backwards. The filters leave few buckets that have none; each of those costs a seek.
 */
export function createBucketFinder(prepare: Prepare) {
  /** Of buckets that are full. */
  const filters = new Map<number, Uint8Array>()

  const filterOf = (bucket: number): Uint8Array | null => {
    const known = filters.get(bucket)
    if (known !== undefined) return known
    const bits = prepare('SELECT bits FROM bucket_servers WHERE bucket = ?').get(bucket)?.['bits']
    if (!(bits instanceof Uint8Array)) return null
    if (filters.size >= MAX_REMEMBERED) filters.clear()
    filters.set(bucket, bits)
    return bits
  }
  /** The rows of the spans that have been turned round. */
  const rowsOf = ({ block }: Place, first: number, last: number): Map<number, Uint8Array> => {
    const rows = prepare('SELECT place, bits FROM span_servers WHERE place BETWEEN ? AND ?').all(
      toPlace(first, block),
      toPlace(last, block),
    )
    const found = new Map<number, Uint8Array>()
    for (const { place, bits } of rows) if (bits instanceof Uint8Array) found.set(Number(place) - toPlace(0, block), bits)
    return found
  }
  /** What of a span may have the server, by one row where it has been turned round, else bucket by bucket. */
  const inSpan = (span: number, row: Uint8Array | undefined, place: Place, [first, last]: Buckets): number[] => {
    const start = span * SPAN
    if (row !== undefined) return bucketsIn(row, place).map((i) => start + i)
    const [from, to] = [Math.max(start, first), Math.min(start + SPAN - 1, last)]
    const all = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    return all.filter((bucket) => {
      const filter = filterOf(bucket)
      return filter === null || hasServer(filter, place)
    })
  }
  const mayHold = (server: Column, [first, last]: Buckets): number[] => {
    const place = placeOf(toBytes(server))
    const [from, to] = [Math.floor(first / SPAN), Math.floor(last / SPAN)]
    const rows = rowsOf(place, from, to)
    const found: number[] = []
    for (let span = from; span <= to; span++) found.push(...inSpan(span, rows.get(span), place, [first, last]))
    return found.filter((bucket) => bucket >= first && bucket <= last)
  }

  return (serverId: ServerId, range: Buckets, isBackwards: boolean): readonly (readonly number[])[] => {
    const server = toUuidColumn(serverId)
    const sql = `SELECT value, (SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_by_server
      WHERE seq >> ${BUCKET_SHIFT} = value AND server = ? LIMIT ${AT_ONCE})) AS events FROM json_each(?)`
    const counted = prepare(sql).all(server, JSON.stringify(mayHold(server, range)))
    const groups: number[][] = []
    let events = AT_ONCE
    for (const row of isBackwards ? counted.reverse() : counted) {
      if (row['events'] === 0) continue
      if (events >= AT_ONCE) {
        groups.push([])
        events = 0
      }
      groups.at(-1)?.push(Number(row['value']))
      events += Number(row['events'])
    }
    return groups
  }
}
