/**
 * What an error of SQLite costs:
 *
 * - `item`: what was asked cannot be kept (a constraint); only its asker is told;
 * - `moment`: nothing can be written now (disk full, locked); the same connection may succeed in the next moment;
 * - `connection`: what the connection believes of the file may be wrong (I/O error, corruption): open it anew.
 *   After a failed fsync the kernel may have dropped the pages, so trying again on the same connection would prove nothing.
 */
export type Cost = 'item' | 'moment' | 'connection'

/** An error, told in a sentence that helps. */
export interface Fault {
  readonly cost: Cost
  readonly message: string
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that say more than their own text. */
const KNOWN: ReadonlyMap<number, Fault> = new Map([
  [5, { cost: 'moment', message: 'another program holds a lock on it; end that program' }],
  [7, { cost: 'connection', message: 'out of memory' }],
  [8, { cost: 'moment', message: 'it is read-only; give this user the right to write the file and its directory' }],
  [10, { cost: 'connection', message: 'input/output error; look at the disk and the kernel log' }],
  [11, { cost: 'connection', message: 'the file is damaged; stop novacast and restore the file or move it away' }],
  [13, { cost: 'moment', message: 'the disk is full; free some space' }],
  [14, { cost: 'connection', message: 'it cannot be opened; look whether the directory exists and may be written' }],
  [26, { cost: 'connection', message: 'it is not a SQLite database; move it away or name another file' }],
])

/** What an error means for the one who asked. */
export function toFault(error: unknown): Fault {
  const text = error instanceof Error ? error.message : String(error)
  const known = KNOWN.get(resultCode(error) & 0xff)
  return known === undefined
    ? { cost: 'item', message: text }
    : { cost: known.cost, message: `${known.message} (SQLite: ${text})` }
}

function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0
}
