import type { Kysely } from 'kysely'
import { openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import type { Nova } from '../stand/stand.ts'

export type Row = Readonly<Record<string, unknown>>
type AnyTables = Record<string, Record<string, unknown>>
export type DatabaseName = 'nova_api' | 'nova_cell0' | 'nova_cell1'

/** The databases of a Nova that runs, for its owner. */
export interface NovaDatabases {
  readonly of: (name: DatabaseName) => Kysely<AnyTables>
  /** Values as text: both engines read it as what the column is. */
  insert(name: DatabaseName, table: string, row: Row): Promise<void>
  close(): Promise<void>
}

export function openNovaDatabases({ apiDatabase, cell0Database, cells }: Nova): NovaDatabases {
  const opened = {
    nova_api: open(apiDatabase),
    nova_cell0: open(cell0Database),
    nova_cell1: open(cells[0]?.database ?? ''),
  }
  return {
    of: (name) => opened[name],
    insert: async (name, table, row) => {
      const values = Object.entries(row).map(([column, value]) => [column, value === null ? null : String(value)])
      await opened[name].insertInto(table).values(Object.fromEntries(values)).execute()
    },
    close: async () => {
      await Promise.all(Object.values(opened).map((each) => each.destroy()))
    },
  }
}

function open(text: string): Kysely<AnyTables> {
  const parsed = parseDatabaseUrl(text)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 1, connectTimeoutMs: 20_000, queryTimeoutMs: 60_000, applicationName: 'tests' }
  return openDatabase<AnyTables>(parsed.url, options).kysely
}
