import { type Kysely, sql } from 'kysely'
import type { Dialect } from './dialect.ts'
import { keepLife } from './replica.ts'

/** What one replica at a time does for all. A row of `duties` each. */
export type Duty = 'retention'

/**
 * Whether this life is the one with the duty, which it is as long as it lives; it becomes it where the last that was is gone. In the
 * transaction that is open: until that ends nobody else is at it, not even one who stalled in its life before this.
 */
export async function holdDuty(
  db: Kysely<unknown>,
  dialect: Dialect,
  { duty, life }: { readonly duty: Duty; readonly life: number },
): Promise<boolean> {
  const { rows } = await sql<{ holder: number | null; is_alive: number | null }>`SELECT d.holder,
      (SELECT 1 FROM replicas p WHERE p.replica = d.holder) AS is_alive
    FROM duties d WHERE d.duty = ${duty} FOR UPDATE SKIP LOCKED`.execute(db)
  const [row] = rows
  if (row === undefined) return false
  if (row.holder === life) return true
  if (row.is_alive !== null) return false
  await keepLife(db, dialect, life)
  await sql`UPDATE duties SET holder = ${life} WHERE duty = ${duty}`.execute(db)
  return true
}
