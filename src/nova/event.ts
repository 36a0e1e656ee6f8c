import type { ExternalEvent } from '../events/event.ts'
import type { ComputeDialect } from './compute-dialect.ts'
import { type NovaObject, novaObject } from './nova-object.ts'

/** The fields that Nova's API sets on an event; `data` is never set. */
const FIELDS = ['instance_uuid', 'name', 'status', 'tag'] as const

/** An external event as Nova's InstanceExternalEvent. An absent tag is null, an empty one stays empty. */
export function eventObject(event: ExternalEvent, dialect: ComputeDialect): NovaObject {
  const { serverId, name, status, tag } = event
  const data = { instance_uuid: serverId, name, status, tag }
  return novaObject('InstanceExternalEvent', dialect.eventVersion(name), data, FIELDS)
}
