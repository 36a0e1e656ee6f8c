import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openSqliteJournal, type SqliteStore } from '../../src/journal/sqlite/store.ts'
import { silent } from './submissions.ts'

export * from './submissions.ts'

/** A directory of the test's own, gone after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'novacast-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** An open journal that is closed after the test; in a new file unless one is named. */
export async function openJournal(file = join(temporaryDirectory(), 'novacast.db')): Promise<SqliteStore> {
  const store = await openSqliteJournal({ file, log: silent })
  onTestFinished(() => store.close())
  return store
}
