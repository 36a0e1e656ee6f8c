import type { CellId, HostName } from '../events/event.ts'

/** A row of `cell_mappings`, its URLs filled in from the configuration where they are templates. */
export interface Cell {
  readonly id: CellId
  readonly name: string | null
  /** `none:///` for cell0, which has no broker. Holds a password: never to be logged. */
  readonly transportUrl: string
  readonly isDisabled: boolean
}

/** A row for `instance_actions`. Source: nova/compute/api.py external_instance_event, nova/objects/instance_action.py pack_action_start. */
export interface InstanceAction {
  readonly instanceUuid: string
  readonly action: 'extend_volume' | 'start' | 'stop'
  readonly requestId: string
  /** The caller's, not the server's owner. */
  readonly userId: string | null
  readonly projectId: string | null
  /** When the request came: start_time and updated_at. */
  readonly startedAtUs: number
}

/** The database took everything but this: it is the rows that it refuses, and would refuse again. */
export class ActionRefused extends Error {
  override readonly name = 'ActionRefused'
}

/** What one who casts to nova-compute must know of a cloud's cells. Implemented by `servers/nova/`. */
export interface NovaCells {
  /** The cell as it is now (read again every few seconds, and at once for an id not seen before); null: there is none of that id. Rejects when nova_api cannot be asked and the cell is not known. */
  cell(id: CellId): Promise<Cell | null>
  all(): Promise<readonly Cell[]>
  /** `services.version` of nova-compute on a host, remembered for a minute; null: no row, or the cell's database cannot be asked. Never rejects. */
  computeVersion(cell: CellId, host: HostName): Promise<number | null>
  /**
   * Writes these rows in the cell's database, before a cast that nova-compute will look them up for. With `unlessThere`, those that
   * a row of the same server, request and action stands for already are left out. Rejects when the database cannot be written, with
   * `ActionRefused` where that is for these rows' own sake.
   */
  recordActions(cell: CellId, actions: readonly InstanceAction[], options: { readonly unlessThere: boolean }): Promise<void>
}
