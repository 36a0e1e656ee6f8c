import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endRecorded, startOf } from './processes.ts'

/** What the names of all stands' folders begin with. */
export const PREFIX = 'novacast-stand-'

/** Puts on record that this process keeps the stand in this folder. */
export function own(root: string): void {
  writeFileSync(join(root, 'owner'), JSON.stringify({ pid: process.pid, since: startOf(process.pid) }))
}

/** Ends what is left of stands whose keeper is dead (killed, or a crash), and removes their folders. */
export async function endLeftovers(): Promise<void> {
  const roots = readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(tmpdir(), name))
  for (const root of roots) {
    if (!isDead(root)) continue
    if (existsSync(join(root, 'run'))) await endRecorded(root)
    rmSync(root, { recursive: true, force: true })
  }
}

/** A folder without an owner is one that is being made. */
function isDead(root: string): boolean {
  const file = join(root, 'owner')
  if (!existsSync(file)) return false
  const { pid, since } = JSON.parse(readFileSync(file, 'utf8')) as { readonly pid: number; readonly since: string }
  return startOf(pid) !== since
}
