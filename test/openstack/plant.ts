import { randomUUID } from 'node:crypto'
import type { Captured } from './captured.ts'
import type { DatabaseName, NovaDatabases, Row } from './databases.ts'
import type { Posted } from './observe.ts'

/** Hosts of a test's own, without a nova-compute, by the names that captured rows have for them. */
export type HostNames = Readonly<Record<'compute-1' | 'compute-2' | 'compute-9', string>>

const DATABASES: readonly DatabaseName[] = ['nova_cell0', 'nova_cell1', 'nova_api']

/** The id of a migration whose row is gone. */
const NO_MIGRATION = 2_000_000_000

/**
 * Puts captured situations into the databases of a Nova that runs, under new ids and for hosts of the test. Gives the requests, by the
 * situations' names, about the servers as they are here.
 */
export async function plant(
  databases: NovaDatabases,
  situations: readonly Captured[],
  hosts: HostNames,
): Promise<ReadonlyMap<string, Posted>> {
  const cells = await cellNumbers(databases)
  const requests = new Map<string, Posted>()
  for (const { name, rows, posted } of situations) {
    const translate = translation(rows, hosts)
    await plantRows(databases, JSON.parse(translate(JSON.stringify(rows))), cells)
    requests.set(name, JSON.parse(translate(JSON.stringify(posted))))
  }
  return requests
}

/** What Nova reads of servers, parents before children. */
async function plantRows(databases: NovaDatabases, rows: Captured['rows'], cells: Ids): Promise<void> {
  const insert = async (table: string, ids: { readonly migrations: Ids }) => {
    for (const database of DATABASES)
      for (const row of rows[database]?.[table] ?? [])
        await databases.insert(database, table, withReferences(row, { cells, ...ids }))
  }
  await insert('instances', { migrations: new Map() })
  await markDeleted(databases, rows.nova_cell1?.['instances'] ?? [])
  const migrations = await plantMigrations(databases, rows.nova_cell1?.['migrations'] ?? [])
  for (const table of ['instance_info_caches', 'instance_extra', 'instance_mappings']) await insert(table, { migrations })
}

/** New ids by those that were captured. */
type Ids = ReadonlyMap<unknown, unknown>

/** Servers under new uuids, also where they are spelled in capitals, and hosts under the names of this run. */
function translation(rows: Captured['rows'], hosts: HostNames): (text: string) => string {
  const servers = Object.values(rows).flatMap((tables) => tables['instances'] ?? [])
  const words = new Map(Object.entries(hosts))
  for (const { uuid } of servers) {
    const fresh = randomUUID()
    words.set(String(uuid), fresh).set(String(uuid).toUpperCase(), fresh.toUpperCase())
  }
  const any = new RegExp([...words.keys()].join('|'), 'g')
  return (text) => text.replace(any, (word) => words.get(word) ?? word)
}

/** Inserts migrations, and tells the new id of each. */
async function plantMigrations(databases: NovaDatabases, rows: readonly Row[]): Promise<Ids> {
  const ids = new Map<unknown, unknown>()
  for (const { id, ...row } of rows) {
    const uuid = randomUUID()
    await databases.insert('nova_cell1', 'migrations', { ...row, uuid })
    const made = await databases
      .of('nova_cell1')
      .selectFrom('migrations')
      .select('id')
      .where('uuid', '=', uuid)
      .executeTakeFirst()
    ids.set(id, made?.['id'])
  }
  return ids
}

/** The ids of this Nova's cells for those that captured rows have: cell0 was the first, cell1 the second. */
async function cellNumbers(databases: NovaDatabases): Promise<Ids> {
  const cells = await databases.of('nova_api').selectFrom('cell_mappings').select(['id', 'name']).execute()
  const idOf = (name: string) => cells.find((cell) => cell['name'] === name)?.['id']
  return new Map([
    [1, idOf('cell0')],
    [2, idOf('cell1')],
  ])
}

/** A row without its id, which the database gives, and with the new ids of what it refers to. */
function withReferences({ id: _, ...row }: Row, { migrations, cells }: { readonly migrations: Ids; readonly cells: Ids }): Row {
  const { cell_id: cell, migration_context: context } = row
  if (typeof cell === 'number') return { ...row, cell_id: cells.get(cell) }
  if (typeof context !== 'string') return row
  const moved = context.replace(
    /"migration_id": (\d+)/,
    (_, id: string) => `"migration_id": ${migrations.get(Number(id)) ?? NO_MIGRATION}`,
  )
  return { ...row, migration_context: moved }
}

/** A row that is deleted has its own id in the column `deleted`. */
async function markDeleted(databases: NovaDatabases, servers: readonly Row[]): Promise<void> {
  for (const { uuid, deleted } of servers) {
    if (deleted === 0) continue
    const update = databases.of('nova_cell1').updateTable('instances')
    await update
      .set((row) => ({ deleted: row.ref('id') }))
      .where('uuid', '=', uuid)
      .execute()
  }
}
