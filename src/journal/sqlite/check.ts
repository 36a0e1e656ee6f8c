import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { CheckLine } from '../../observe/check-line.ts'
import { toFault } from './faults.ts'
import { lockFile } from './lock.ts'
import { MIGRATION_NAMES, objectionTo, readSchema } from './migrate.ts'

/** Below this the journal would be full within minutes of a busy cloud's day. */
const LEAST_FREE_MIB = 100

/**
 * Whether a journal can live in this file: its directory can be written and synced, there is room, and what is in the file is
 * ours and can be read. Leaves nothing behind, for it may be root who asks, and another user who serves; the file may be in use
 * meanwhile. Never throws.
 */
export function checkSqliteJournal(file: string): readonly CheckLine[] {
  const directory = dirname(file)
  const existing = nearestExisting(directory)
  const written = checkWriting(directory, existing)
  return written.ok ? [written, checkSpace(existing), checkSchema(file), checkUse(file)] : [written]
}

/** The directory, or of those above it the first that is there: where the others would be made. */
function nearestExisting(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory ? directory : nearestExisting(dirname(directory))
}

function checkWriting(directory: string, existing: string): CheckLine {
  const name = 'journal directory'
  try {
    const took = `written and synced in ${writeScratch(`${existing}/novacast-check-${crypto.randomUUID()}`).toFixed(1)} ms`
    const detail = existing === directory ? `${directory}: ${took}` : `${directory} will be made; ${existing}: ${took}`
    return { name, ok: true, detail, mend: null }
  } catch (error) {
    const make = existing === directory ? '' : `make ${directory}, and `
    return {
      name,
      ok: false,
      detail: messageOf(error),
      mend: `${make}let this user write ${directory}, or name another data directory`,
    }
  }
}

/** Writes a file, syncs it and removes it; returns how long writing and syncing took, in milliseconds. Throws what the system says. */
function writeScratch(path: string): number {
  const start = performance.now()
  const handle = openSync(path, 'wx', 0o600)
  try {
    writeSync(handle, 'novacast')
    fsyncSync(handle)
    return performance.now() - start
  } finally {
    closeSync(handle)
    rmSync(path)
  }
}

function checkSpace(directory: string): CheckLine {
  const name = 'journal space'
  try {
    const { bavail, bsize } = statfsSync(directory)
    const mib = Math.floor((bavail * bsize) / 2 ** 20)
    const ok = mib >= LEAST_FREE_MIB
    const detail = `${mib} MiB free in ${directory}`
    return { name, ok, detail, mend: ok ? null : `free at least ${LEAST_FREE_MIB} MiB; a million events take some 230 MiB` }
  } catch (error) {
    return { name, ok: false, detail: messageOf(error), mend: `look whether ${directory} can be read` }
  }
}

function checkSchema(file: string): CheckLine {
  const name = 'journal file'
  if (!existsSync(file)) return { name, ok: true, detail: `${file} is not there yet; it will be made`, mend: null }
  try {
    const db = openToRead(file)
    try {
      const schema = readSchema(db)
      const objection = objectionTo(schema)
      if (objection !== null) return { name, ok: false, detail: `${file}: ${objection}`, mend: 'name another file' }
      const next = schema.kind === 'current' ? '' : '; it will be brought up to date at the next start'
      return { name, ok: true, detail: `${file}: schema ${MIGRATION_NAMES.at(-1)}${next}`, mend: null }
    } finally {
      db.close()
    }
  } catch (error) {
    return {
      name,
      ok: false,
      detail: `${file}: ${toFault(error).message}`,
      mend: 'restore the file, move it away, or name another',
    }
  }
}

/** Without a `-wal` nobody has the file open, and SQLite, which would make one for a reader and leave it there, need not look. */
function openToRead(file: string): DatabaseSync {
  const url = pathToFileURL(file)
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true })
}

/** In use is fine here: it is what one sees who checks beside a running service. */
function checkUse(file: string): CheckLine {
  const name = 'journal use'
  try {
    // Who uses the file has made that of the lock.
    if (existsSync(`${file}-lock`)) lockFile(file).release()
    return { name, ok: true, detail: 'in use by nobody', mend: null }
  } catch (error) {
    return { name, ok: true, detail: messageOf(error), mend: null }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
