import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import type { EventId } from '../../src/events/event.ts'
import { type Journal, JournalUnavailable } from '../../src/journal/journal.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import type { Database, Own } from '../stand/stand.ts'
import { describeOn, startMariadb, startPostgresql, useStand } from '../stand/use-stand.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

const a = hostName('a')

async function openReplica(url: string): Promise<Journal> {
  const journal = await openSqlJournal({ url, replica: { id: 'test' }, log: silent })
  onTestFinished(() => journal.close())
  return journal
}

/** Commits at a steady rate, whatever becomes of it, until told to stop; notes what was answered, and what was refused after how long. */
function startLoad(journal: Journal) {
  const kept: EventId[] = []
  const refused: EventId[] = []
  const refusalsMs: number[] = []
  const underWay = new Set<Promise<void>>()
  const one = async () => {
    const event = decided(['a'])
    const start = performance.now()
    try {
      await journal.commit(submission([event]))
      kept.push(event.id)
    } catch (error) {
      expect(error).toBeInstanceOf(JournalUnavailable)
      refused.push(event.id)
      refusalsMs.push(performance.now() - start)
    }
  }
  const timer = setInterval(() => {
    const commit = one()
    underWay.add(commit)
    void commit.finally(() => underWay.delete(commit))
  }, 3)
  const stop = async () => {
    clearInterval(timer)
    await Promise.all(underWay)
  }
  return { kept, refused, refusalsMs, stop }
}

function describeOutages(name: string, start: () => Promise<Database & Own>): void {
  describeOn(stand, `a journal in ${name}`, () => {
    it('that is killed under load has everything that was answered, and nothing that was refused', async () => {
      const database = await start()
      onTestFinished(() => database.remove())
      const { url } = await database.createDatabase()
      const journal = await openReplica(url)
      const { kept, refused, refusalsMs, stop } = startLoad(journal)
      const answeredMore = async () => {
        const before = kept.length
        await expect.poll(() => kept.length, { timeout: 60_000 }).toBeGreaterThan(before + 300)
      }
      await answeredMore()
      for (const how of ['kill', 'stop', 'kill'] as const) {
        await database[how]()
        await sleep(1500)
        await expect(journal.search({ limit: 1 })).rejects.toThrow(JournalUnavailable)
        await database.start()
        await answeredMore()
      }
      await stop()
      expect(refused.length).toBeGreaterThan(0)
      // All but those under way when it went are refused at once.
      expect(refusalsMs.sort((x, y) => x - y)[Math.floor(refusalsMs.length / 2)]).toBeLessThan(500)
      const there = new Set((await journal.search({ limit: 1_000_000 })).map(({ id }) => id))
      expect(kept.filter((id) => !there.has(id))).toEqual([])
      expect(refused.filter((id) => there.has(id))).toEqual([])
      expect(there.size).toBe(kept.length)
      expect(await journal.claim()).toEqual([a])
      expect(await journal.host(a)).toMatchObject({ pending: kept.length })
    })

    it('that was away for long leaves each replica what it has: none takes another for dead', async () => {
      const database = await start()
      onTestFinished(() => database.remove())
      const { url } = await database.createDatabase()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const [first, second] = [decided(['a']), decided(['a'])]
      await one.commit(submission([first]))
      await other.commit(submission([second]))
      await database.stop()
      await sleep(7000)
      await database.start()
      const claimed = new Set<string>()
      for (let i = 0; i < 10; i++) {
        for (const host of await one.claim().catch(() => [])) claimed.add(host)
        await sleep(1000)
      }
      expect([...claimed]).toEqual([a])
      expect((await one.open(a, null, 10)).map(({ eventId }) => eventId)).toEqual([first.id])
      expect((await other.open(a, null, 10)).map(({ eventId }) => eventId)).toEqual([second.id])
    })
  })
}

const stand = await useStand()
describeOutages('MariaDB', startMariadb)
describeOutages('PostgreSQL', startPostgresql)
