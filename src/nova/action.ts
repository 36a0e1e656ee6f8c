import type { ExternalEvent } from '../events/event.ts'
import type { InstanceAction } from './cells.ts'

/** What an event asks for beyond being handed on: nothing, a row in `instance_actions`, or something that Nova does not know. */
export type Errand =
  | { readonly kind: 'none' }
  | { readonly kind: 'action'; readonly action: InstanceAction['action'] }
  | { readonly kind: 'invalid'; readonly reason: string }

const NONE: Errand = { kind: 'none' }

/** The action that Nova writes for an event before it casts. Source: nova/compute/api.py external_instance_event. */
export function errandOf({ name, tag }: ExternalEvent): Errand {
  if (name === 'volume-extended') return { kind: 'action', action: 'extend_volume' }
  if (name !== 'power-update') return NONE
  switch (tag) {
    case 'POWER_ON':
      return { kind: 'action', action: 'start' }
    case 'POWER_OFF':
      return { kind: 'action', action: 'stop' }
    default:
      return { kind: 'invalid', reason: `invalid power state ${JSON.stringify(tag)}: expected POWER_ON or POWER_OFF` }
  }
}
