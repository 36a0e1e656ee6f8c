import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished } from 'vitest'
import type { EventId } from '../../src/events/event.ts'

const UUID_LENGTH = 36
/** Steps of retention after which the process is killed, which hits one under way or its neighbours. */
const STEPS = 25

/** Runs `child-that-retains.ts` on a file or a database and kills it in the middle; answers what it said stays pending. */
export async function killWhileRetaining(target: string): Promise<{ readonly pending: readonly EventId[] }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child-that-retains.ts'), target], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const pending: EventId[] = []
  let steps = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, rest = ''] = line.split(' ')
    // A line that was cut short was not said.
    if (word === 'pending' && rest.length === UUID_LENGTH) pending.push(rest as EventId)
    if (word === 'removed' && ++steps === STEPS) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  return { pending }
}
