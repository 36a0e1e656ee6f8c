import { rm, writeFile } from 'node:fs/promises'
import { JournalUnavailable } from '../journal.ts'

/** What a moment of commits needs: a single page may still find its place on a disk that is full. */
const LEAST_BYTES = 256 * 1024

let tries = 0

/** Looks whether there is room beside a journal's file for what is written next; rejects with `JournalUnavailable` where not. */
export async function tryRoom(file: string): Promise<void> {
  const scratch = `${file}-room-${++tries}`
  try {
    await writeFile(scratch, Buffer.alloc(LEAST_BYTES), { flush: true, mode: 0o600 })
  } catch (error) {
    throw new JournalUnavailable(`journal ${file}: ${messageOf(error)}`, { cause: error })
  } finally {
    await rm(scratch, { force: true }).catch(() => {})
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return 'the disk is full; free some space'
  return error instanceof Error ? error.message : String(error)
}
