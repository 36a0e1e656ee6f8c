import { type Kysely, sql } from 'kysely'
import { chunksOf, type Dialect } from './dialect.ts'

/** Shares of the keys, by their first byte, that are looked through one after the other: a fraction of a window each. */
export const SHARES = 64
const SHARE_BYTES = 256 / SHARES
/** Other replicas' clocks may be behind. */
const MARGIN_MS = 60_000
const LEAST_MS = 1000
const AT_ONCE = 500

/** Removes keys that are out of date, a few at a time: the table holds two windows' at most, and needs no index on times. */
export function tidyRepeatKeys(kysely: Kysely<unknown>, dialect: Dialect, windowMs: number): { stop(): void } {
  let share = Math.floor(Math.random() * SHARES)
  const look = async () => {
    share = (share + 1) % SHARES
    await removeKeys(kysely, dialect, { share, untilUs: (Date.now() - windowMs - MARGIN_MS) * 1000 })
  }
  // What fails is done at the next round.
  const timer = setInterval(() => void look().catch(() => {}), Math.max(windowMs / SHARES, LEAST_MS)).unref()
  return { stop: () => clearInterval(timer) }
}

/** Found first, then deleted by their key: nothing is locked but what goes. */
export async function removeKeys(
  kysely: Kysely<unknown>,
  dialect: Dialect,
  { share, untilUs }: { readonly share: number; readonly untilUs: number },
): Promise<void> {
  const from = Buffer.of(share * SHARE_BYTES)
  const below = share === SHARES - 1 ? sql`` : sql`AND digest < ${Buffer.of((share + 1) * SHARE_BYTES)}`
  const { rows } = await sql<{ digest: Buffer }>`SELECT digest FROM repeat_keys
    WHERE digest >= ${from} ${below} AND received_at < ${untilUs}`.execute(kysely)
  for (const chunk of chunksOf(rows, AT_ONCE)) {
    const digests = chunk.map(({ digest }) => digest)
    await sql`DELETE FROM repeat_keys WHERE ${dialect.isOneOf('digest', digests)} AND received_at < ${untilUs}`.execute(kysely)
  }
}
