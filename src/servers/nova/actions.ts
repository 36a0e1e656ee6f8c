import type { Database } from '../../database/connect.ts'
import type { InstanceAction } from '../../nova/cells.ts'
import type { CellTables } from './tables.ts'

/**
 * Rows for `instance_actions`, as nova-api writes them: times in UTC, nothing finished yet.
 * Source: nova/objects/instance_action.py pack_action_start.
 */
export async function insertActions(
  { kysely }: Database<CellTables>,
  actions: readonly InstanceAction[],
  { unlessThere }: { readonly unlessThere: boolean },
): Promise<void> {
  const wanted = unlessThere ? await leaveOutPresent(kysely, actions) : actions
  if (wanted.length === 0) return
  const now = toColumn(Date.now() * 1000)
  await kysely
    .insertInto('instance_actions')
    .values(
      wanted.map((action) => ({
        action: action.action,
        instance_uuid: action.instanceUuid,
        request_id: action.requestId,
        user_id: action.userId,
        project_id: action.projectId,
        start_time: toColumn(action.startedAtUs),
        updated_at: toColumn(action.startedAtUs),
        created_at: now,
        deleted: 0,
      })),
    )
    .execute()
}

async function leaveOutPresent(kysely: Database<CellTables>['kysely'], actions: readonly InstanceAction[]) {
  const rows = await kysely
    .selectFrom('instance_actions')
    .select(['action', 'instance_uuid', 'request_id'])
    .where('request_id', 'in', [...new Set(actions.map(({ requestId }) => requestId))])
    .execute()
  const present = new Set(rows.map((row) => keyOf(row.action, row.instance_uuid, row.request_id)))
  return actions.filter(({ action, instanceUuid, requestId }) => !present.has(keyOf(action, instanceUuid, requestId)))
}

const keyOf = (...parts: readonly string[]): string => parts.join(' ')

/** MySQL rounds the fraction away, PostgreSQL keeps it. */
function toColumn(epochUs: number): string {
  const text = new Date(Math.floor(epochUs / 1000)).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, 19)}.${String(epochUs % 1_000_000).padStart(6, '0')}`
}
