import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the daemon of this run listens. */
    standSocket: string
  }
}

/**
 * Starts the stand's daemon, which starts no service before a suite asks; at the end of the run everything goes with it. To keep
 * services from run to run while you work: `node test/stand/daemon.ts` in a terminal, and its answer as NOVACAST_STAND in another.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const kept = process.env['NOVACAST_STAND']
  if (kept !== undefined) {
    project.provide('standSocket', kept)
    return async () => {}
  }
  const daemon = spawn(process.execPath, [join(import.meta.dirname, 'daemon.ts')], {
    // Away from Ctrl-C: it ends in good order when its standard input does.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  project.provide('standSocket', await firstLine(daemon))
  return async () => {
    daemon.stdin.end()
    await once(daemon, 'exit')
  }
}

function firstLine(daemon: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    daemon.stdout?.once('data', (line: Buffer) => resolve(line.toString().trim()))
    daemon.once('exit', (code) => reject(new Error(`the daemon of the test stand ended with ${code}`)))
  })
}
