import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SCRIPT = join(import.meta.dirname, 'install.sh')
/** Held by whoever installs, across all runs on this machine. */
const LOCK = '/run/lock/novacast-stand.lock'

/** What stands in the way of installing and running services here, as the end of a sentence; null: nothing. */
export function whyNot(): string | null {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  if (!/^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release) || !existsSync('/usr/bin/apt-get'))
    return 'need Debian or Ubuntu, with apt'
  return process.getuid?.() === 0 ? null : 'need root, to install and run services'
}

/** Installs those of the packages that are missing; returns when they are there. Throws with what apt said. */
export function install(packages: readonly string[]): void {
  if (missing(packages).length === 0) return
  // Another run may be at it: look again when the lock is ours.
  const { status, stdout, stderr } = spawnSync('flock', [LOCK, SCRIPT, ...packages], { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (status !== 0) throw new Error(`expected apt to install ${packages.join(' ')}, it said:\n${(stdout + stderr).slice(-3000)}`)
}

function missing(packages: readonly string[]): string[] {
  const { stdout } = spawnSync('dpkg-query', ['--status', ...packages], { encoding: 'utf8' })
  const installed = stdout.matchAll(/^Package: (.+)\nStatus: install ok installed$/gm)
  const names = new Set([...installed].map(([, name]) => name))
  return packages.filter((name) => !names.has(name))
}
