import type { Parameter } from './connection.ts'
import type { Engine } from './url.ts'

/** A condition of a statement, with what its placeholders stand for. */
export interface Condition {
  readonly sql: string
  readonly parameters: readonly Parameter[]
}

/**
 * That a column is one of these texts (at least one), so that the statement's text hardly varies and stays prepared: on PostgreSQL a
 * list is one parameter; on MySQL the last text is repeated up to the next power of two.
 */
export function isIn(engine: Engine, column: string, texts: readonly string[]): Condition {
  if (engine === 'postgresql') return { sql: `${column} = ANY($1)`, parameters: [texts] }
  const size = 2 ** Math.ceil(Math.log2(texts.length))
  const parameters = Array.from({ length: size }, (_, index) => texts[Math.min(index, texts.length - 1)] as string)
  return { sql: `${column} IN (${'?,'.repeat(size).slice(0, -1)})`, parameters }
}
