import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import type { Destination } from '../../src/events/event.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { askDatabase } from './rows.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

/** How many transactions of a database wait for a lock. */
function locksOf(engine: 'mariadb' | 'postgresql', url: string) {
  const ask = askDatabase(url)
  const statement =
    engine === 'mariadb'
      ? `SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
          WHERE t.trx_state = 'LOCK WAIT' AND p.db = database()`
      : `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
  return { waiting: async () => Number((await ask(statement))[0]) }
}

const stand = await useStand('mariadb', 'postgresql')

for (const engine of ['mariadb', 'postgresql'] as const)
  describeOn(stand, `replicas over one journal in ${engine}`, (services) => {
    it('take over what one left as soon as no commit keeps it', async () => {
      const { url } = await services[engine].createDatabase()
      const left = await openSqlJournal({ url, replica: { id: 'left' }, log: silent })
      await left.commit(submission([decided(['a'])]))
      const heir = await openSqlJournal({ url, replica: { id: 'heir' }, log: silent })
      onTestFinished(() => heir.close())
      // As a commit does that passes something on to it.
      const ask = askDatabase(url)
      const [life] = await ask("SELECT replica FROM replicas WHERE name = 'left'")
      await ask('BEGIN')
      await ask(`SELECT replica FROM replicas WHERE replica = ${life} FOR UPDATE`)
      await left.close()
      expect(await heir.claim()).toEqual([])

      const claimed = heir.claim()
      await sleep(50)
      await ask('ROLLBACK')
      expect(await claimed).toEqual([hostName('a')])
    })

    it('bring along what was taken over just now, though those who commit had not heard of it', async () => {
      const { url } = await services[engine].createDatabase()
      const open = (id: string) => openSqlJournal({ url, replica: { id }, log: silent })
      const [left, heir] = [await open('left'), await open('heir')]
      onTestFinished(() => heir.close())
      const old = decided(['a'])
      await left.commit(submission([old]))
      await left.close()
      expect(await heir.claim()).toEqual([hostName('a')])
      const next = decided(['b'], { serverId: old.event.serverId })
      await heir.commit(submission([next]))
      expect((await heir.open(hostName('b'), null, 10)).map(({ eventId }) => eventId)).toEqual([old.id, next.id])
    })

    it('bring along what another takes over in the same moment', async () => {
      const { url } = await services[engine].createDatabase()
      const open = async (id: string) => {
        const journal = await openSqlJournal({ url, replica: { id }, log: silent })
        onTestFinished(() => journal.close())
        return journal
      }
      const [heir, left, third] = [await open('heir'), await open('left'), await open('third')]
      const old = decided(['a'])
      await left.commit(submission([old]))
      const ask = askDatabase(url)
      const { waiting } = locksOf(engine, url)
      const [life] = await ask("SELECT replica FROM replicas WHERE name = 'heir'")
      await ask('BEGIN')
      await ask('SELECT id FROM open_deliveries FOR UPDATE')
      const next = decided(['b'], { serverId: old.event.serverId })
      const committed = third.commit(submission([next]))
      await expect.poll(waiting, { timeout: 60_000, interval: 300 }).toBeGreaterThan(0)
      await ask(`UPDATE open_deliveries SET owner = ${life}`)
      await ask('COMMIT')
      await committed
      expect((await third.open(hostName('b'), null, 10)).map(({ eventId }) => eventId)).toEqual([old.id, next.id])
      expect(await heir.open(hostName('a'), null, 10)).toEqual([])
    })

    it('lose no delivery that comes about while another of its event is recorded', async () => {
      const { url } = await services[engine].createDatabase()
      const journal = await openSqlJournal({ url, replica: { id: 'test' }, log: silent })
      onTestFinished(() => journal.close())
      const [a, b] = [hostName('a'), hostName('b')]
      const event = decided(['a'])
      // Of two hosts the databases find them in different orders.
      await journal.commit(submission([decided(['b'])]))
      await journal.commit(submission([event]))
      // Both wait: first the one that makes a delivery for where the server goes to, then the one that ends the delivery that is there.
      const ask = askDatabase(url)
      const { waiting } = locksOf(engine, url)
      await ask('BEGIN')
      await ask('SELECT id FROM open_deliveries FOR UPDATE')
      const destinations = [a, b].map((host) => ({ host, cell: null })) as [Destination, Destination]
      const followed = journal.follow([{ kind: 'located', serverId: event.event.serverId, atUs: 1, destinations }])
      await expect.poll(waiting, { timeout: 60_000, interval: 300 }).toBe(1)
      const recorded = journal.record([{ kind: 'dispatched', isEnd: true, host: a, eventId: event.id, atUs: 2 }])
      await expect.poll(waiting, { timeout: 60_000, interval: 300 }).toBe(2)
      await ask('ROLLBACK')
      await Promise.all([followed, recorded])
      const { deliveries = [] } = (await journal.event(event.id)) ?? {}
      expect(deliveries.map(({ host, state }) => `${host} ${state}`).sort()).toEqual(['a dispatched', 'b pending'])
    })
  })
