import type { ServerId } from '../../events/event.ts'
import type { ServerEntry } from '../../servers/registry/registry.ts'
import type { WireServerFields } from './wire.ts'

/** A server as an operator describes it; what is absent is null. */
export function toServerEntry(uuid: ServerId, fields: WireServerFields): ServerEntry {
  return {
    uuid,
    host: fields.host ?? null,
    movingTo: fields.moving_to ?? null,
    projectId: fields.project_id ?? null,
    name: fields.name ?? null,
  }
}
