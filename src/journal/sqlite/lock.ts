import { DatabaseSync } from 'node:sqlite'
import { JournalUnavailable } from '../journal.ts'
import { toFault } from './faults.ts'

/** Held for as long as this process uses a journal's file. */
export interface FileLock {
  release(): void
}

/**
 * Claims a journal's file for this process, or throws `JournalUnavailable`. The claim is an exclusive transaction on an empty
 * database beside it: SQLite locks it with the kernel's locks, which end with the process, however it ends.
 */
export function lockFile(file: string): FileLock {
  const db = openLock(`${file}-lock`)
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    throw new JournalUnavailable(
      `${file} is in use by another novacast; stop that one first, or give this one another data directory`,
      { cause: error },
    )
  }
  return { release: () => db.close() }
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw new JournalUnavailable(`${path}: ${toFault(error).message}`, { cause: error })
  }
}
