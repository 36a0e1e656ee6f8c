import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hostName, openJournal, temporaryDirectory } from './journal-file.ts'

/** Runs the child on the file until it has printed so many lines, kills it, and gives all that it printed. */
async function commitUntilKilled(file: string, lines: number): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'child-that-commits.ts'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('the child has no standard output')
  const printed: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    // The pipe still holds what was printed before the kill; a line cut short was not said.
    if (printed.push(line) === lines) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  return printed.filter((line) => line.length === 3 * 36 + 2)
}

describe('a journal whose process is killed', () => {
  it('has everything that was answered, nothing by halves, and goes on', async () => {
    const file = join(temporaryDirectory(), 'novacast.db')
    const answered: string[] = []
    for (const lines of [1, 700, 2500]) answered.push(...(await commitUntilKilled(file, lines)))
    expect(answered.length).toBeGreaterThan(3000)

    const store = await openJournal(file)
    const kept = await store.search({ limit: 1_000_000, order: 'oldest' })
    const ids = new Set<string>(kept.map(({ id }) => id))
    expect(answered.flatMap((line) => line.split(' ')).filter((id) => !ids.has(id))).toEqual([])

    const sizes = new Map<string, number>()
    for (const { requestId } of kept) sizes.set(requestId, (sizes.get(requestId) ?? 0) + 1)
    expect([...sizes.values()].filter((size) => size !== 3)).toEqual([])

    let open = 0
    for (let i = 0; i < 4; i++) {
      const host = hostName(`host-${i}`)
      const deliveries = await store.open(host, null, 1_000_000)
      expect(await store.host(host)).toMatchObject({ pending: deliveries.length, dispatched: 0 })
      open += deliveries.length
    }
    expect(open).toBe(kept.length)
  })
})
