import type { Engine } from './url.ts'

/**
 * A row's cells as one column, to be read by `parseJsonRow`: a driver takes most of its time for what it is told of each column and
 * for each cell. Numbers, texts and NULL come as they are, times as text that begins `YYYY-MM-DD` and has `HH:MM:SS` behind one more
 * character, booleans as the engine has them. PostgreSQL takes a hundred columns at most.
 */
export function jsonRow(engine: Engine, columns: readonly string[]): string {
  return engine === 'postgresql' ? `json_build_array(${columns.join()})::text` : `JSON_ARRAY(${columns.join()})`
}

/** The cells of a row that was asked for with `jsonRow`. MySQL's driver has parsed it already, MariaDB's has not. */
export function parseJsonRow([cell]: readonly unknown[]): readonly unknown[] {
  return (typeof cell === 'string' ? JSON.parse(cell) : cell) as readonly unknown[]
}
