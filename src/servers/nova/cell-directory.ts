import type { CellId } from '../../events/event.ts'
import type { Cell } from '../../nova/cells.ts'
import { fillTemplate } from '../../nova/url-template.ts'
import type { ApiDatabase, CellRow } from './api-database.ts'
import { type CellDatabase, openCellDatabase } from './cell-database.ts'
import { cellUrl } from './cell-url.ts'
import type { DatabaseSettings } from './settings.ts'

/** A cell with its database, or why that cannot be asked. */
export interface OpenCell {
  readonly cell: Cell
  readonly database: CellDatabase | { readonly kind: 'invalid'; readonly reason: string }
}

/** The local settings with which the URLs in `cell_mappings` are made whole: templates are filled from the two URLs. */
export interface LocalUrls {
  readonly database: string | null
  /** Options to append to the URL of every cell's database. */
  readonly databaseParameters: string
  readonly transportUrl: string | null
}

/** The cells as nova_api has them: added, changed and removed ones are seen within seconds, an id not seen before at once. */
export interface CellDirectory {
  /** Null: there is no such cell. Rejects when nova_api cannot be asked and the cell is not known. */
  get(id: CellId): Promise<OpenCell | null>
  /** Rejects when nova_api cannot be asked and never could. */
  all(): Promise<readonly OpenCell[]>
  close(): Promise<void>
}

export interface CellDirectoryParts {
  readonly api: ApiDatabase
  readonly local: LocalUrls
  readonly settings: DatabaseSettings
}

const REREAD_MS = 5000

export function createCellDirectory({ api, local, settings }: CellDirectoryParts): CellDirectory {
  let cells: ReadonlyMap<CellId, Known> = new Map()
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | null = null
  let closed = false

  const read = (): Promise<void> => {
    reading ??= readOnce().finally(() => {
      reading = null
    })
    return reading
  }
  const readOnce = async (): Promise<void> => {
    const rows = await api.cells()
    if (closed) return
    const before = cells
    cells = new Map(rows.map((row) => [row.id, known(row, before.get(row.id))]))
    readAtMs = performance.now()
    const kept = new Set([...cells.values()].map(({ open }) => open.database))
    for (const { open } of before.values()) if (!kept.has(open.database)) void closeDatabase(open)
  }
  const known = (row: CellRow, before: Known | undefined): Known => {
    const { connection, open } = openCell(row, local, settings, before)
    return { connection, open }
  }
  /** What is known is used meanwhile. */
  const rereadIfOld = (): void => {
    if (performance.now() - readAtMs > REREAD_MS) read().catch(() => {})
  }

  return {
    get: async (id) => {
      if (cells.has(id)) rereadIfOld()
      else await read()
      return cells.get(id)?.open ?? null
    },
    all: async () => {
      if (cells.size > 0) rereadIfOld()
      else await read()
      return [...cells.values()].map(({ open }) => open)
    },
    close: async () => {
      closed = true
      await Promise.all([...cells.values()].map(({ open }) => closeDatabase(open)))
    },
  }
}

/** A cell and the text that its database was opened by. */
interface Known {
  readonly connection: string
  readonly open: OpenCell
}

function openCell(row: CellRow, local: LocalUrls, settings: DatabaseSettings, before: Known | undefined): Known {
  const { id, name, isDisabled, databaseConnection } = row
  const transport = fillTemplate(row.transportUrl, local.transportUrl)
  // A template that cannot be filled is used raw, as Nova does: whoever connects says what is wrong with it.
  const transportUrl = transport.kind === 'filled' ? transport.url : row.transportUrl
  const cell = { id, name, transportUrl, isDisabled }
  if (before?.connection === databaseConnection)
    return { connection: databaseConnection, open: { cell, database: before.open.database } }
  return { connection: databaseConnection, open: { cell, database: openDatabaseOf(row, local, settings) } }
}

function openDatabaseOf(row: CellRow, local: LocalUrls, settings: DatabaseSettings): OpenCell['database'] {
  const read = cellUrl(row.databaseConnection, local)
  const name = `cell ${row.name ?? row.id}`
  if (read.kind === 'parsed') {
    if (read.remark !== null)
      settings.log.warn({ cell: row.id }, `the database_connection of ${name} in cell_mappings is ${read.remark}`)
    return openCellDatabase(name, read.url, settings)
  }
  const reason = `the database_connection of ${name} in cell_mappings is no database URL: ${read.reason}`
  settings.log.error({ cell: row.id }, reason)
  return { kind: 'invalid', reason }
}

async function closeDatabase({ database }: OpenCell): Promise<void> {
  if (!('kind' in database)) await database.close()
}
