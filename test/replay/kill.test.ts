import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import type { EventId } from '../../src/events/event.ts'
import { describeEngines } from '../journal/engines.ts'
import { decided, hostName, temporaryDirectory } from '../journal/journal-file.ts'
import { submission } from '../journal/submissions.ts'
import { newRun } from './stage.ts'

/** Replays until so many pages were answered, then kills the process at once; gives the ids that were answered. */
async function replayUntilKilled(place: string, run: string, pages: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child-that-replays.ts'), place, run], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const answered: string[] = []
  let lines = 0
  for await (const line of createInterface({ input: child.stdout })) {
    answered.push(...line.split(' ').filter((id) => id.length === 36))
    if (++lines === pages) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return answered
}

describeEngines('a bulk replay whose process is killed', (engine) => {
  it('has kept all that was answered, nothing by halves, and goes on without doing anything twice', {
    timeout: 300_000,
  }, async () => {
    const directory = temporaryDirectory()
    const place = await engine.newPlace(directory)
    const events = Array.from({ length: 400 }, () => decided(['a']))
    const seeding = await place.open()
    for (let i = 0; i < events.length; i += 3) await seeding.commit(submission(events.slice(i, i + 3)))
    const host = hostName('a')
    await seeding.record(events.map(({ id: eventId }) => ({ kind: 'expired', host, eventId, atUs: 1, reason: 'over' })))
    await seeding.close()

    const where = place.url ?? join(directory, 'novacast.db')
    const run = newRun()
    const answered: string[] = []
    for (const pages of [9]) answered.push(...(await replayUntilKilled(where, run, pages)))
    const last = await replayUntilKilled(where, run, 1_000)
    expect(new Set(last).size).toBe(events.length)
    expect(answered.length).toBeGreaterThanOrEqual(9 * 20)
    expect(answered.filter((id) => !last.includes(id))).toEqual([])

    const journal = await place.open()
    onTestFinished(() => journal.close())
    const all = await journal.search({ limit: 10_000, order: 'oldest' })
    const replays = all.filter(({ replay }) => replay !== null)
    expect(replays.map(({ id }) => id)).toEqual(last)
    expect(replays.map(({ replay }) => replay?.of as EventId)).toEqual(events.map(({ id }) => id))
  })
})
