import { type Kysely, sql } from 'kysely'
import type { EventId } from '../../events/event.ts'
import { toBytes } from './bytes.ts'
import { parseId } from './columns.ts'

/** Where an event stands in the order of commits, and whether it is there: if not, it is the last before it; -1 before all. */
export async function findPlace(
  kysely: Kysely<unknown>,
  id: EventId,
): Promise<{ readonly seq: number; readonly isThere: boolean }> {
  const { rows } = await sql<{ seq: number; id: Buffer }>`SELECT seq, id FROM events WHERE id <= ${toBytes(id)}
    ORDER BY id DESC LIMIT 1`.execute(kysely)
  const [row] = rows
  return row === undefined ? { seq: -1, isThere: false } : { seq: row.seq, isThere: parseId(row.id) === id }
}
