import type { EventId } from '../../src/events/event.ts'
import type { EventQuery, Journal, Sender } from '../../src/journal/journal.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { createReplayer, type ReplayAnswer, type Replayer } from '../../src/replay/replayer.ts'
import { createScriptedCaster, createServerMap, setStage } from '../delivery/stage.ts'
import { silent } from '../journal/submissions.ts'

export const OPERATOR: Sender = { userId: 'op', userName: 'operator', projectId: 'admin' }
export const newRun = () => `req-${crypto.randomUUID()}`

/** A replayer over a delivery engine whose casts are seen. What is open is delivered from the start: servers are placed before. */
export async function replayStage(journal: Journal, { servers = createServerMap(), caster = createScriptedCaster() } = {}) {
  const stage = await setStage({ journal, caster, servers })
  const replayer = createReplayer({ ...stage, metrics: createMetrics(), log: silent })
  return { ...stage, replayer }
}

/** All pages of a run. */
export async function replayAll(
  replayer: Replayer,
  query: Omit<EventQuery, 'limit' | 'order'>,
  { run = newRun(), isDry = false, limit = 1000 } = {},
): Promise<readonly ReplayAnswer[]> {
  const all: ReplayAnswer[] = []
  let after: EventId | null = null
  do {
    const page = await replayer.page({ ...query, ...(after !== null && { after }), limit }, { by: OPERATOR, run, isDry })
    all.push(...page.answers)
    after = page.last
  } while (after !== null)
  return all
}
