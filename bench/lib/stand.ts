import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../../test/stand/client.ts'
import { processorSeconds } from './child.ts'

/** Starts a stand of real services of its own, which `stop` ends; where NOVACAST_STAND names one that is kept, that is used. */
export async function startStand() {
  const { NOVACAST_STAND: kept } = process.env
  if (kept !== undefined) return { client: createClient(kept), stop: async () => {} }
  const daemon = spawn(process.execPath, [join(import.meta.dirname, '../../test/stand/daemon.ts')], {
    detached: true,
    // Nova without its debug log, as clouds run it.
    env: { ...process.env, NOVACAST_STAND_DEBUG: 'false' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(daemon.stdout, 'data')) as [Buffer]
  return {
    client: createClient(line.toString().trim()),
    stop: async () => {
      const ended = once(daemon, 'exit')
      daemon.stdin.end()
      await ended
    },
  }
}

/** Processor seconds that all processes with this in their command line have used. */
export function processorSecondsOf(part: string): number {
  let sum = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part)) sum += processorSeconds(Number(pid))
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum
}
