import type { EventName } from '../events/names.ts'

/**
 * How to speak to one host's nova-compute, told from the version in its row of `services` (null: no row, or it could not be read).
 *
 * Never a version above what the host itself knows: it would ask nova-conductor to translate, and a conductor as old as the host
 * asks itself, over and over. So each of these is what the host's own release has, or the lowest that can carry what is sent.
 */
export interface ComputeDialect {
  readonly topic: 'compute' | 'compute-alt'
  readonly rpcVersion: '5.0' | '6.0'
  readonly eventVersion: (name: EventName) => string
}

/** compute RPC 6.5 (2026.1): a second queue, which lives longer while the service shuts down. nova/objects/service.py. */
const COMPUTE_ALT_SINCE = 71
/** compute RPC 6.0; before that 5.x. */
const RPC_6_SINCE = 56
/** Zed: InstanceExternalEvent 1.5. */
const EVENT_1_5_SINCE = 64

/** The version of InstanceExternalEvent that first knew a name; its fields are the same in all. nova/objects/external_event.py. */
const EVENT_VERSIONS: Readonly<Record<EventName, string>> = {
  'network-changed': '1.0',
  'network-vif-plugged': '1.0',
  'network-vif-unplugged': '1.0',
  'network-vif-deleted': '1.1',
  'volume-extended': '1.2',
  'power-update': '1.3',
  'accelerator-request-bound': '1.4',
  'volume-reimaged': '1.5',
}

/** The dialect of a host whose nova-compute reports this service version. */
export function computeDialect(serviceVersion: number | null): ComputeDialect {
  const version = serviceVersion ?? RPC_6_SINCE
  return {
    topic: version >= COMPUTE_ALT_SINCE ? 'compute-alt' : 'compute',
    rpcVersion: version >= RPC_6_SINCE ? '6.0' : '5.0',
    eventVersion: version >= EVENT_1_5_SINCE ? () => '1.5' : (name) => EVENT_VERSIONS[name],
  }
}
