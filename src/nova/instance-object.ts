import type { Instance, NovaValue } from './instance.ts'
import { type NovaObject, novaObject } from './nova-object.ts'

/** Train to the newest Nova know this version; 2.8 adds a field that no cast needs. nova/objects/instance.py. */
const VERSION = '2.7'

/** A server as Nova's Instance. Nova counts a migration context that it loaded among the changes, and so do we. */
export function instanceObject(instance: Instance): NovaObject<Readonly<Record<string, NovaValue>>> {
  const { migration_context: migration = null } = instance.data
  return novaObject('Instance', VERSION, instance.data, migration === null ? [] : ['migration_context'])
}

/** Whether the server's info cache holds any network information; without it nova-compute raises over a deleted VIF. */
export function hasNetworkInfo(instance: Instance): boolean {
  const { info_cache: cache = null } = instance.data
  if (typeof cache !== 'object' || cache === null || !('nova_object.data' in cache)) return false
  const data = cache['nova_object.data']
  return typeof data === 'object' && data !== null && 'network_info' in data && data['network_info'] !== null
}
