import type { CellId } from '../events/event.ts'

/** What a field of one of Nova's objects holds on the wire. */
export type NovaValue = string | number | boolean | null | readonly NovaValue[] | { readonly [key: string]: NovaValue }

/**
 * A server as a row of `instances` has it, joined with its info cache and its migration context, ready to travel in a cast: what
 * Nova calls an Instance. Read by `servers/nova/`, sent by `cast/rabbitmq/`, handed on unseen by everything between.
 */
export interface Instance {
  readonly uuid: string
  readonly cell: CellId
  /** Its project, which is not the sender's. */
  readonly projectId: string | null
  /** Its migration leads to another cell: casts about it then carry a context of nobody (nova/compute/api.py external_instance_event). */
  readonly isMovingAcrossCells: boolean
  /** The data of the versioned object Instance 2.7, field by field, in Nova's order; values as the wire has them. */
  readonly data: Readonly<Record<string, NovaValue>>
  /** Microseconds since the epoch: when the row was read. What nova-compute acts on must be fresh. */
  readonly readAtUs: number
}
