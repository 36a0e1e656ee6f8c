import type { DatabaseSync } from 'node:sqlite'

/** Marks our files among those of other programs (`PRAGMA application_id`): "nova". */
const APPLICATION_ID = 0x6e_6f_76_61

/** Every migration, oldest first. The names are kept in the file. */
export const MIGRATION_NAMES = ['0001-journal'] as const

/** What the schema of a file is to this version of novacast. */
export type SchemaState =
  | { readonly kind: 'current' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'older'; readonly missing: readonly string[] }
  | { readonly kind: 'newer'; readonly unknown: readonly string[] }
  | { readonly kind: 'foreign' }

/** Reads which migrations a file has seen. */
export function readSchema(db: DatabaseSync): SchemaState {
  const tables = new Set(
    db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map((row) => String(row['name'])),
  )
  if (tables.size === 0) return { kind: 'empty' }
  if (!tables.has('kysely_migration') || db.prepare('PRAGMA application_id').get()?.['application_id'] !== APPLICATION_ID) {
    return { kind: 'foreign' }
  }
  const known: readonly string[] = MIGRATION_NAMES
  const applied = db
    .prepare('SELECT name FROM kysely_migration ORDER BY name')
    .all()
    .map((row) => String(row['name']))
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length > 0) return { kind: 'newer', unknown }
  const missing = known.filter((name) => !applied.includes(name))
  return missing.length > 0 ? { kind: 'older', missing } : { kind: 'current' }
}

/** A schema that this version cannot work with, in a sentence; null where it can, after migrations at most. */
export function objectionTo(schema: SchemaState): string | null {
  switch (schema.kind) {
    case 'newer':
      return `it was written by a newer novacast (schema ${schema.unknown.join(', ')}; this one knows up to ${MIGRATION_NAMES.at(-1)}); install that version or name another file`
    case 'foreign':
      return 'it is a SQLite database of another program; name another file'
    default:
      return null
  }
}

/** Brings the schema up to date. Throws when the file is not ours or from a newer novacast; then nothing was changed. */
export async function migrate(db: DatabaseSync): Promise<void> {
  const schema = readSchema(db)
  const objection = objectionTo(schema)
  if (objection !== null) throw new Error(objection)
  if (schema.kind === 'current') return
  if (schema.kind === 'empty') db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  // Kysely is loaded when there is something to migrate: 50 ms of a start otherwise.
  const { runMigrations } = await import('./migrator.ts')
  await runMigrations(db)
}
