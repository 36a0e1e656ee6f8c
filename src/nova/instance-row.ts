import { isIP, SocketAddress } from 'node:net'
import { objectDatetime } from './datetime.ts'
import type { NovaValue } from './instance.ts'
import { novaObject } from './nova-object.ts'

/** A server's row as it was read: a cell for each of `INSTANCE_COLUMNS`, then `INFO_CACHE_COLUMNS`, then the migration context's text. */
export type InstanceRow = readonly unknown[]

type Read = (cell: unknown) => NovaValue

const integer: Read = (cell) => (cell === null ? null : Number(cell))
const text: Read = (cell) => (cell === null ? null : String(cell))
const datetime: Read = (cell) => objectDatetime(cell === null ? null : String(cell))
/** 0 or 1 on MySQL, a boolean on PostgreSQL; NULL is false. */
const boolean: Read = (cell) => Boolean(cell)
/** In its normal spelling; what is no address is null, as it would be an error for the receiver. */
const address: Read = (cell) => {
  const family = typeof cell === 'string' ? isIP(cell) : 0
  if (family === 0) return null
  return family === 4 ? String(cell) : new SocketAddress({ address: String(cell), family: 'ipv6' }).address
}

/** Stand for what is not a column read as it is. */
const INFO_CACHE = 'info_cache'
const MIGRATION_CONTEXT = 'migration_context'

/**
 * The fields of Instance 2.7 that nova-api sends, in its order, and how each is read from the column of its name.
 * Source: nova/objects/instance.py fields and _from_db_object; nova/db/main/models.py Instance.
 */
const FIELDS: readonly (readonly [name: string, read: Read])[] = [
  ['id', integer],
  ['user_id', text],
  ['project_id', text],
  ['image_ref', text],
  ['kernel_id', text],
  ['ramdisk_id', text],
  ['hostname', text],
  ['launch_index', integer],
  ['key_name', text],
  ['key_data', text],
  ['power_state', integer],
  ['vm_state', text],
  ['task_state', text],
  ['memory_mb', integer],
  ['vcpus', integer],
  ['root_gb', integer],
  ['ephemeral_gb', integer],
  ['ephemeral_key_uuid', text],
  ['host', text],
  ['node', text],
  ['instance_type_id', integer],
  ['user_data', text],
  ['reservation_id', text],
  ['launched_at', datetime],
  ['terminated_at', datetime],
  ['availability_zone', text],
  ['display_name', text],
  ['display_description', text],
  ['launched_on', text],
  ['locked', boolean],
  ['locked_by', text],
  ['os_type', text],
  ['architecture', text],
  ['vm_mode', text],
  ['uuid', text],
  ['root_device_name', text],
  ['default_ephemeral_device', text],
  ['default_swap_device', text],
  ['config_drive', text],
  ['access_ip_v4', address],
  ['access_ip_v6', address],
  ['auto_disk_config', boolean],
  ['progress', integer],
  ['shutdown_terminate', boolean],
  ['disable_terminate', boolean],
  ['cell_name', text],
  [INFO_CACHE, text],
  ['cleaned', (cell) => Number(cell) === 1],
  [MIGRATION_CONTEXT, text],
  ['hidden', boolean],
  ['created_at', datetime],
  ['updated_at', datetime],
  ['deleted_at', datetime],
  ['deleted', integer],
]

/** Columns of `instances`, in the order of a row's cells. */
export const INSTANCE_COLUMNS: readonly string[] = FIELDS.map(([name]) => name).filter(
  (name) => name !== INFO_CACHE && name !== MIGRATION_CONTEXT,
)
/** Columns of `instance_info_caches`; all NULL where a server has no row there. */
export const INFO_CACHE_COLUMNS = ['instance_uuid', 'network_info', 'created_at', 'updated_at', 'deleted_at', 'deleted'] as const

const INFO_CACHE_AT = INSTANCE_COLUMNS.length
const MIGRATION_CONTEXT_AT = INFO_CACHE_AT + INFO_CACHE_COLUMNS.length
const HIDDEN_AT = INSTANCE_COLUMNS.indexOf('hidden')
const UUID_AT = INSTANCE_COLUMNS.indexOf('uuid')

/** The server's uuid as the row has it, letter by letter: where MySQL's comparison is more lenient than ours. */
export const uuidOf = (row: InstanceRow): string => String(row[UUID_AT])

/** Nova never shows a hidden row: the copy of a server that is being moved to or from another cell. */
export const isHidden = (row: InstanceRow): boolean => Boolean(row[HIDDEN_AT])

/**
 * The data of Instance 2.7, as nova-api sends it for this row. What Nova could not load it without failing the whole request
 * (a network cache or a migration context that is not JSON, an address that is none) is null.
 */
export function instanceData(row: InstanceRow): Readonly<Record<string, NovaValue>> {
  const data: Record<string, NovaValue> = {}
  let at = 0
  for (const [name, read] of FIELDS) {
    if (name === INFO_CACHE) data[name] = infoCache(row)
    else if (name === MIGRATION_CONTEXT) data[name] = parseObject(row[MIGRATION_CONTEXT_AT])
    else data[name] = read(row[at++] ?? null)
  }
  // Nova's soft delete: the column holds the row's own id.
  data['deleted'] = data['deleted'] === data['id']
  return data
}

/** Nova does not ask whether the cache's row is deleted. */
function infoCache(row: InstanceRow): NovaValue {
  const [uuid, network, created, updated, deletedAt, deleted] = row.slice(INFO_CACHE_AT, MIGRATION_CONTEXT_AT)
  if (uuid === null) return null
  const data: NovaValue = {
    instance_uuid: text(uuid),
    network_info: networkInfo(network),
    created_at: datetime(created),
    updated_at: datetime(updated),
    deleted_at: datetime(deletedAt),
    deleted: boolean(deleted),
  }
  return { ...novaObject('InstanceInfoCache', '1.5', data) }
}

/**
 * The column's text goes out as it is: the receiver parses it anyway, and text that is no JSON would cost the whole message. Only a
 * look at its ends, for it may be long. An empty object counts as an empty list. Source: nova/network/model.py NetworkInfo.hydrate.
 */
function networkInfo(cell: unknown): string | null {
  if (typeof cell !== 'string') return null
  const trimmed = cell.trim()
  if (trimmed === '{}') return '[]'
  return trimmed.startsWith('[') && trimmed.endsWith(']') ? cell : null
}

/** The number of the migration that a migration context tells of; null: none. */
export function migrationIdOf(data: Readonly<Record<string, NovaValue>>): number | null {
  const context = data[MIGRATION_CONTEXT] ?? null
  if (!isRecord(context)) return null
  const fields = context['nova_object.data'] ?? null
  const id = isRecord(fields) ? fields['migration_id'] : null
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : null
}

/** A stored object goes out with the version and the fields that it was stored with. */
function parseObject(cell: unknown): NovaValue {
  if (typeof cell !== 'string') return null
  try {
    const value = JSON.parse(cell) as NovaValue
    return isRecord(value) && isRecord(value['nova_object.data'] ?? null) ? value : null
  } catch {
    return null
  }
}

function isRecord(value: NovaValue): value is { readonly [key: string]: NovaValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
