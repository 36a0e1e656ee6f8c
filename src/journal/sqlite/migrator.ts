import type { DatabaseSync } from 'node:sqlite'
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely'
import { type MigrationProvider, Migrator } from 'kysely/migration'
import * as journal from '../migrations/0001-journal.ts'
import type { MIGRATION_NAMES } from './migrate.ts'

const MIGRATIONS = { '0001-journal': journal.migration } satisfies Record<(typeof MIGRATION_NAMES)[number], unknown>

/** node:sqlite in the shape that Kysely's dialect takes (better-sqlite3's). Closing stays with the connection's owner. */
function asKyselyDatabase(db: DatabaseSync): SqliteDatabase {
  return {
    close: () => {},
    prepare: (sql) => {
      const statement = db.prepare(sql)
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...parameters.map(toParameter)),
        run: (parameters) => statement.run(...parameters.map(toParameter)),
        iterate: (parameters) => statement.iterate(...parameters.map(toParameter)),
      }
    },
  }
}

function toParameter(value: unknown): string | number | bigint | null | Uint8Array {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`SQLite takes no ${typeof value}`)
}

/** Applies every migration that is missing, each once, all in one transaction. Throws what the failing one threw. */
export async function runMigrations(db: DatabaseSync): Promise<void> {
  const provider: MigrationProvider = { getMigrations: async () => MIGRATIONS }
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: asKyselyDatabase(db) }) })
  const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest()
  if (error !== undefined) throw error
}
