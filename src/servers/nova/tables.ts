import type { Generated } from 'kysely'

/** What we read of the database nova_api. Source: nova/db/api/models.py. */
export interface ApiTables {
  readonly cell_mappings: {
    readonly id: number
    readonly uuid: string
    readonly name: string | null
    readonly transport_url: string | null
    readonly database_connection: string | null
    readonly disabled: boolean | number | null
  }
  readonly host_mappings: { readonly cell_id: number; readonly host: string }
}

/** What we read and write of a cell's database, but for the servers themselves. Source: nova/db/main/models.py. */
export interface CellTables {
  readonly migrations: {
    readonly id: number
    readonly source_compute: string | null
    readonly dest_compute: string | null
    readonly cross_cell_move: boolean | number | null
  }
  readonly services: {
    readonly host: string | null
    readonly binary: string | null
    readonly version: number | null
    readonly deleted: number | null
  }
  readonly instance_actions: {
    readonly id: Generated<number>
    readonly created_at: string
    readonly updated_at: string
    readonly action: string
    readonly instance_uuid: string
    readonly request_id: string
    readonly user_id: string | null
    readonly project_id: string | null
    readonly start_time: string
    readonly deleted: number
  }
}
