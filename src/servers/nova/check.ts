import { type Kysely, sql } from 'kysely'
import { type Database, openDatabase } from '../../database/connect.ts'
import { type DatabaseTrouble, isOfFile, type TroubleKind, toTrouble } from '../../database/trouble.ts'
import { type DatabaseUrl, tellIgnored } from '../../database/url.ts'
import { INFO_CACHE_COLUMNS, INSTANCE_COLUMNS } from '../../nova/instance-row.ts'
import { updateCell } from '../../nova/update-cell.ts'
import type { CheckLine } from '../../observe/check-line.ts'
import type { LocalUrls } from './cell-directory.ts'
import { cellUrl } from './cell-url.ts'
import { type DatabaseSettings, databaseOptions } from './settings.ts'

/** A right that is needed, and a statement that is refused without it and changes nothing. */
interface Right {
  readonly name: string
  readonly statement: string
}

const reads = (table: string, columns: readonly string[]): Right => ({
  name: `SELECT on ${table}`,
  statement: `SELECT ${columns.join(', ')} FROM ${table} WHERE 1 = 0`,
})

const API_RIGHTS = [
  reads('instance_mappings', ['instance_uuid', 'cell_id']),
  reads('cell_mappings', ['id', 'uuid', 'name', 'transport_url', 'database_connection', 'disabled']),
  reads('host_mappings', ['host', 'cell_id']),
]

const CELL_RIGHTS = [
  reads('instances', INSTANCE_COLUMNS),
  reads('instance_info_caches', INFO_CACHE_COLUMNS),
  reads('instance_extra', ['instance_uuid', 'migration_context']),
  reads('migrations', ['id', 'source_compute', 'dest_compute', 'cross_cell_move']),
  reads('services', ['host', 'version', 'deleted']),
  reads('instance_actions', ['action', 'instance_uuid', 'request_id']),
  // Explaining needs the rights of the statement, and does not do it.
  {
    name: 'INSERT on instance_actions',
    statement: "EXPLAIN INSERT INTO instance_actions (action, request_id, deleted) VALUES ('none', 'none', 0)",
  },
]

/** PostgreSQL alone: the ids of new rows come from a sequence, and explaining does not ask for that right. */
const SEQUENCE = "SELECT has_sequence_privilege(pg_get_serial_sequence('instance_actions', 'id'), 'USAGE') AS may"

/** Looks at nova_api and at the database of every cell: reachable, and with rights enough. Changes nothing, never rejects. */
export async function checkNovaDatabases(
  url: DatabaseUrl,
  local: LocalUrls,
  settings: DatabaseSettings,
): Promise<readonly CheckLine[]> {
  return withDatabase(url, settings, async (api) => {
    const line = await checkRights('nova_api', api, API_RIGHTS)
    if (!line.ok) return [line]
    const cells = await api.kysely.selectFrom('cell_mappings').selectAll().orderBy('id').execute()
    const names = cells.map(({ name, uuid }) => name ?? uuid).join(', ')
    const counted = { ...line, detail: `${line.detail}; ${cells.length} cells: ${names || 'none'}${tellIgnored(url)}` }
    return [counted, ...(await Promise.all(cells.map((cell) => checkCell(cell, local, settings))))]
  })
}

interface ApiTables {
  readonly cell_mappings: {
    readonly id: number
    readonly uuid: string
    readonly name: string | null
    readonly database_connection: string | null
  }
}

async function checkCell(row: ApiTables['cell_mappings'], local: LocalUrls, settings: DatabaseSettings): Promise<CheckLine> {
  const name = `database of ${row.name ?? row.uuid}`
  const read = cellUrl(row.database_connection ?? '', local)
  if (read.kind === 'invalid') {
    const mend = updateCell(row.uuid)
    return { name, ok: false, detail: `database_connection in cell_mappings: ${read.reason}`, mend }
  }
  const line = await withDatabase(read.url, settings, (database) => checkRights(name, database, CELL_RIGHTS))
  const remark = read.remark === null ? '' : `; database_connection in cell_mappings is ${read.remark}`
  return { ...line, detail: line.detail + remark + (line.ok ? tellIgnored(read.url) : '') }
}

async function withDatabase<Answer>(
  url: DatabaseUrl,
  settings: DatabaseSettings,
  ask: (database: Database<ApiTables>) => Promise<Answer>,
): Promise<Answer> {
  const database = openDatabase<ApiTables>(url, { ...databaseOptions(settings), maxConnections: 1 })
  try {
    return await ask(database)
  } finally {
    await database.close()
  }
}

/** Tries each right; the first that is refused does not hide the next. */
async function checkRights(name: string, { kysely, engine }: Database<ApiTables>, rights: readonly Right[]): Promise<CheckLine> {
  const started = performance.now()
  const missing: string[] = []
  for (const right of rights) {
    try {
      await sql.raw(right.statement).execute(kysely)
    } catch (error) {
      const trouble = toTrouble(error)
      const isRight = trouble.kind === 'refused' && ACCESS_TO_TABLE.has(trouble.code ?? '')
      if (!isRight) return { name, ok: false, detail: trouble.message, mend: mendingOf(trouble) }
      missing.push(right.name)
    }
  }
  if (engine === 'postgresql' && rights === CELL_RIGHTS && !(await mayUseSequence(kysely)))
    missing.push('USAGE on instance_actions_id_seq')
  if (missing.length > 0) return { name, ok: false, detail: `the rights are missing: ${missing.join(', ')}`, mend: GRANT }
  return {
    name,
    ok: true,
    detail: `reached with the rights that are needed in ${Math.ceil(performance.now() - started)} ms`,
    mend: null,
  }
}

async function mayUseSequence(kysely: Kysely<ApiTables>): Promise<boolean> {
  try {
    const { rows } = await sql.raw<{ may: boolean }>(SEQUENCE).execute(kysely)
    return rows[0]?.may === true
  } catch {
    return false
  }
}

/** A table's rights, not the login's or the database's: those stand for all the others. */
const ACCESS_TO_TABLE = new Set(['ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', '42501'])

const GRANT = 'grant them as docs/reference/nova-databases.md says'
const LOOK = 'look at the server, and at host, port and database in the URL'

function mendingOf(trouble: DatabaseTrouble): string {
  return isOfFile(trouble) ? 'let the user that novacast runs as read the files that the URL names' : MEND[trouble.kind]
}

const MEND: Readonly<Record<TroubleKind, string>> = {
  away: LOOK,
  refused: 'look at user and password in the URL, and grant the rights that docs/reference/nova-databases.md names',
  missing: 'look whether the URL names the right database, and whether its schema is there (nova-manage api_db sync, db sync)',
  retry: LOOK,
  duplicate: LOOK,
  full: LOOK,
  wrong: LOOK,
}
