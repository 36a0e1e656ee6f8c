import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A disk that is soon full. */
export interface SmallDisk {
  readonly path: string
  /** Makes it as large as that; less than what is on it is refused by the kernel. */
  resize(mib: number): void
  remove(): void
}

/** Whether disks can be mounted here; where not it says so in one line, and with CI=true that is a failure. */
export function canMount(): boolean {
  try {
    mountDisk(1).remove()
    return true
  } catch (error) {
    const message = `the tests with a disk that fills need root, to mount a tmpfs: ${error instanceof Error ? error.message : error}`
    if (process.env['CI'] === 'true') throw new Error(message, { cause: error })
    writeSync(2, `skipped: ${message}\n`)
    return false
  }
}

/** Mounts a tmpfs of this size, over the folder named or over one of its own. */
export function mountDisk(mib: number, over?: string): SmallDisk {
  const path = over ?? mkdtempSync(join(tmpdir(), 'novacast-disk-'))
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${mib}m`, 'novacast-test', path)
  } catch (error) {
    if (over === undefined) rmSync(path, { recursive: true })
    throw error
  }
  return {
    path,
    resize: (mib) => run('mount', '-o', `remount,size=${mib}m`, path),
    remove: () => {
      // Lazily: a server may still have files open.
      run('umount', '--lazy', path)
      if (over === undefined) rmSync(path, { recursive: true })
    },
  }
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`)
}
