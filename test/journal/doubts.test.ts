import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import type { Destination } from '../../src/events/event.ts'
import { JournalUnavailable } from '../../src/journal/journal.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import type { Database } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { askDatabase } from './rows.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

/** A way to a database on which the answer to a commit can be lost. */
interface CommitLosing {
  /** The same database, that way. */
  through(url: string): string
  /** The next commit is carried out, then this, and then its connection breaks. */
  loseNext(then: () => Promise<unknown>): void
}

async function createCommitLosing(target: Pick<Database, 'host' | 'port'>): Promise<CommitLosing> {
  const sockets = new Set<Socket>()
  let next: (() => Promise<unknown>) | null = null
  const server = createServer((client) => {
    const database = connect(target.port, target.host)
    let then: typeof next = null
    const end = () => {
      client.destroy()
      database.destroy()
    }
    for (const socket of [client, database]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', end)
    }
    client.on('data', (chunk) => {
      if (next !== null && /\bcommit\b/i.test(chunk.toString('latin1'))) [then, next] = [next, null]
      database.write(chunk)
    })
    database.on('data', (chunk) => {
      if (then === null) client.write(chunk)
      else void then().finally(end)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return {
    through: (url) => url.replace(/@[^/]*/, `@127.0.0.1:${port}`),
    loseNext: (then) => {
      next = then
    },
  }
}

const stand = await useStand('mariadb', 'postgresql')

for (const engine of ['mariadb', 'postgresql'] as const)
  describeOn(stand, `a journal in ${engine} that does not hear what became of a commit`, (services) => {
    it('finds what was kept at the next try, and keeps it once', async () => {
      const database = services[engine]
      const { url } = await database.createDatabase()
      const way = await createCommitLosing(database)
      const journal = await openSqlJournal({ url: way.through(url), replica: { id: 'test' }, log: silent })
      onTestFinished(() => journal.close())
      await journal.commit(submission([decided(['b'])]))

      const event = decided(['a'])
      way.loseNext(async () => {})
      expect(await journal.commit(submission([event]))).toEqual([{ eventId: event.id, host: hostName('a'), kind: 'untold' }])
      expect((await journal.open(hostName('a'), null, 10)).map(({ eventId }) => eventId)).toEqual([event.id])
      expect(await journal.search({ limit: 10 })).toHaveLength(2)
    })

    it('tells of what was kept, though the next try met other trouble and it was rejected', async () => {
      const database = services[engine]
      const { url } = await database.createDatabase()
      const ask = askDatabase(url)
      const way = await createCommitLosing(database)
      const journal = await openSqlJournal({ url: way.through(url), replica: { id: 'test' }, log: silent })
      onTestFinished(() => journal.close())
      await journal.commit(submission([decided(['b'])]))
      expect(await journal.claim()).toEqual([])

      const event = decided(['a'])
      const untilUs = (Date.now() + 3_600_000) * 1000
      const parked = { ...decided([]), outcome: { kind: 'parked', code: 422, untilUs } as const }
      const before = journal.takeovers()
      // As if an operator were at work on the tables.
      way.loseNext(() => ask('ALTER TABLE events RENAME TO events_elsewhere'))
      await expect(journal.commit(submission([event, parked]))).rejects.toThrow(JournalUnavailable)
      await ask('ALTER TABLE events_elsewhere RENAME TO events')

      const claimed = await journal.claim()
      expect(claimed).toContain(hostName('a'))
      expect((await journal.open(hostName('a'), null, 10)).map(({ eventId }) => eventId)).toEqual([event.id])
      // What waits without a host is looked for then too.
      expect(journal.takeovers()).toBeGreaterThan(before)
      expect(await journal.claim()).toEqual([])
    })

    it('tells of what followed its server, and of what was taken over, though the next try found it done', async () => {
      const database = services[engine]
      const { url } = await database.createDatabase()
      const way = await createCommitLosing(database)
      const left = await openSqlJournal({ url, replica: { id: 'left' }, log: silent })
      const journal = await openSqlJournal({ url: way.through(url), replica: { id: 'test' }, log: silent })
      onTestFinished(() => journal.close())
      const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ host: hostName(name), cell: null })) as [
        Destination,
        Destination,
        Destination,
      ]
      const event = decided(['a'])
      const { serverId } = event.event
      await journal.commit(submission([event]))
      expect(await journal.claim()).toEqual([])

      way.loseNext(async () => {})
      await journal.record([{ kind: 'moved', ...a, eventId: event.id, atUs: 1, serverId, to: [b] }])
      expect(await journal.claim()).toEqual([b.host])

      way.loseNext(async () => {})
      await journal.follow([{ kind: 'located', serverId, atUs: 2, destinations: [c] }])
      expect(await journal.claim()).toEqual([c.host])

      await left.commit(submission([decided(['a'])]))
      await left.close()
      way.loseNext(async () => {})
      expect(await journal.claim()).toContain(a.host)
    })
  })
