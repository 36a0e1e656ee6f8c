import { LRUCache } from 'lru-cache'
import { parseJsonRow } from '../../database/json-row.ts'
import type { NovaValue } from '../../nova/instance.ts'
import { type InstanceRow, instanceData, isHidden, uuidOf } from '../../nova/instance-row.ts'

/** What a server's row says. */
export interface ServerRow {
  readonly uuid: string
  readonly isHidden: boolean
  readonly data: Readonly<Record<string, NovaValue>>
}

/** Characters of rows that are remembered: of 3,000 each in a cloud, with what is made of them 10 MB. */
const REMEMBERED = 2 * 2 ** 20

/**
 * Reads rows that were asked for with `jsonRow`. Every row comes from the database, each time; but one that is letter by letter what it was
 * is neither parsed nor, by whoever keeps something by its data, written again. Events of a server come in bursts.
 */
export function createRowReader(): (row: readonly unknown[]) => ServerRow {
  const known = new LRUCache<string, ServerRow>({ maxSize: REMEMBERED, sizeCalculation: (_, text) => text.length })
  return (row) => {
    const [text] = row
    if (typeof text !== 'string') return read(parseJsonRow(row))
    const found = known.get(text)
    if (found !== undefined) return found
    const made = read(parseJsonRow(row))
    known.set(text, made)
    return made
  }
}

function read(row: InstanceRow): ServerRow {
  return { uuid: uuidOf(row), isHidden: isHidden(row), data: instanceData(row) }
}
