import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Database } from '../../database/connect.ts'
import type { Engine } from '../../database/url.ts'
import * as journal from './migrations/0001-journal.ts'

/** Every migration, oldest first. The names are kept in the database. */
export const SQL_MIGRATIONS = { '0001-journal': journal.createMigration } as const

/** What the schema of a database is to this version of novacast. */
export type SqlSchema =
  | { readonly kind: 'current' }
  /** Nothing of ours, and nothing of others. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'older'; readonly missing: readonly string[] }
  | { readonly kind: 'newer'; readonly unknown: readonly string[] }
  | { readonly kind: 'foreign'; readonly table: string }

/** Reads which migrations a database has seen. Rejects with `DatabaseTrouble`. */
export async function readSqlSchema({ engine, kysely }: Database<unknown>): Promise<SqlSchema> {
  const tables = await tableNames(engine, kysely)
  const known = Object.keys(SQL_MIGRATIONS)
  const [foreign] = tables.filter((name) => !name.startsWith('kysely_migration'))
  if (!tables.includes('kysely_migration')) return foreign === undefined ? { kind: 'empty' } : { kind: 'foreign', table: foreign }
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name`.execute(kysely)
  const applied = rows.map(({ name }) => name)
  // Another replica is at it just now, or was interrupted: what makes the first tables may be done again.
  if (applied.length === 0) return { kind: 'empty' }
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length > 0) return { kind: 'newer', unknown }
  const missing = known.filter((name) => !applied.includes(name))
  return missing.length > 0 ? { kind: 'older', missing } : { kind: 'current' }
}

async function tableNames(engine: Engine, kysely: Kysely<unknown>): Promise<readonly string[]> {
  const schema = engine === 'mysql' ? sql`DATABASE()` : sql`current_schema()`
  const { rows } = await sql<{ name: string }>`SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = ${schema} ORDER BY 1`.execute(kysely)
  return rows.map(({ name }) => name)
}

/** A schema that this version cannot work with, in a sentence; null where it can, after migrations at most. */
export function objectionToSql(schema: SqlSchema): string | null {
  switch (schema.kind) {
    case 'newer':
      return `its schema is of a newer novacast (${schema.unknown.join(', ')}; this one knows up to ${Object.keys(SQL_MIGRATIONS).at(-1)}); install that version`
    case 'foreign':
      return `it is a database of another program (it has a table ${schema.table}); make an empty one for the journal, and name that`
    default:
      return null
  }
}

/**
 * Applies every migration that is missing, each once, whoever else is at it. Answers their names. Rejects with `DatabaseTrouble`, or
 * with what objects to this database.
 */
export async function migrateSql(database: Database<unknown>): Promise<readonly string[]> {
  const objection = objectionToSql(await readSqlSchema(database))
  if (objection !== null) throw new Error(objection)
  const migrations = Object.entries(SQL_MIGRATIONS).map(([name, create]) => [name, create(database.engine)] as const)
  const provider = { getMigrations: async () => Object.fromEntries(migrations) }
  const { error, results } = await new Migrator({ db: database.kysely, provider }).migrateToLatest()
  if (error !== undefined) throw error
  return (results ?? []).map(({ migrationName }) => migrationName)
}
