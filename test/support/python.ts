import { spawn, spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { install, whyNot } from '../stand/install.ts'

/** Python, as Debian installs its libraries for. */
const PYTHON = process.env['NOVACAST_TEST_PYTHON'] ?? '/usr/bin/python3'

/**
 * Whether Python is there with these modules, which are installed first where the test stand can. Where they are not, says so in one
 * line that names the Debian package, and the suite is to be skipped; with CI=true that is a failure instead.
 */
export function hasPython(modules: readonly string[], debianPackage: string): boolean {
  const isThere = () => spawnSync(PYTHON, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' }).status === 0
  if (isThere()) return true
  if (whyNot() === null) install([debianPackage])
  if (isThere()) return true
  const message = `the comparison with the real ${modules.join(' and ')} needs Python with Debian's ${debianPackage}`
  if (process.env['CI'] === 'true') throw new Error(message)
  writeSync(2, `skipped: ${message}\n`)
  return false
}

/** Runs a script on one JSON value and gives the JSON value that it prints. */
export function runPython<T>(script: string, input: unknown): T {
  const { status, stdout, stderr } = spawnSync(PYTHON, [script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`${script} failed: ${stderr.slice(-2000)}`)
  return JSON.parse(stdout) as T
}

/** The same beside what goes on in this process, such as a proxy that the script comes through. */
export async function startPython<T>(script: string, input: unknown): Promise<T> {
  const child = spawn(PYTHON, [script])
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.stdin.end(JSON.stringify(input))
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (status !== 0) throw new Error(`${script} failed: ${stderr.slice(-2000)}`)
  return JSON.parse(stdout) as T
}
