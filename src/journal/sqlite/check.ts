import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { CheckLine } from '../../observe/check-line.ts'
import { makeDirectory } from './directory.ts'
import { toFault } from './faults.ts'
import { lockFile } from './lock.ts'
import { MIGRATION_NAMES, objectionTo, readSchema } from './migrate.ts'

/** Below this the journal would be full within minutes of a busy cloud's day. */
const LEAST_FREE_MIB = 100

/**
 * Whether a journal can live in this file: its directory can be written and synced, there is room, and what is in the file is
 * ours and can be read. Changes nothing but an own scratch file; the file may be in use meanwhile. Never throws.
 */
export function checkSqliteJournal(file: string): readonly CheckLine[] {
  const directory = dirname(file)
  const written = checkWriting(directory)
  return written.ok ? [written, checkSpace(directory), checkSchema(file), checkUse(file)] : [written]
}

function checkWriting(directory: string): CheckLine {
  const name = 'journal directory'
  const scratch = `${directory}/novacast-check-${process.pid}`
  try {
    makeDirectory(directory)
    const start = performance.now()
    const handle = openSync(scratch, 'w', 0o600)
    writeSync(handle, 'novacast')
    fsyncSync(handle)
    closeSync(handle)
    rmSync(scratch)
    return {
      name,
      ok: true,
      detail: `${directory}: written and synced in ${(performance.now() - start).toFixed(1)} ms`,
      mend: null,
    }
  } catch (error) {
    return { name, ok: false, detail: messageOf(error), mend: `let this user write ${directory}, or name another data directory` }
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
    const db = new DatabaseSync(file, { readOnly: true })
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

/** In use is fine here: it is what one sees who checks beside a running service. */
function checkUse(file: string): CheckLine {
  const name = 'journal use'
  try {
    lockFile(file).release()
    return { name, ok: true, detail: 'in use by nobody', mend: null }
  } catch (error) {
    return { name, ok: true, detail: messageOf(error), mend: null }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
