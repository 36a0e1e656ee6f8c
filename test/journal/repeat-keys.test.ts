import { expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import { dialectOf } from '../../src/journal/sql/dialect.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { removeKeys, SHARES } from '../../src/journal/sql/tidy-repeat-keys.ts'
import type { Database } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { decided, silent, submission } from './submissions.ts'

const NOW_US = Date.now() * 1000
const HOUR_US = 3_600_000_000

function connect(url: string) {
  const parsed = parseDatabaseUrl(url)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 2, connectTimeoutMs: 20_000, queryTimeoutMs: 60_000, applicationName: 'test' }
  const database = openDatabase<unknown>(parsed.url, options)
  onTestFinished(() => database.close())
  return database
}

function describeKeys(name: string, server: Database | undefined): void {
  describeOn(server ?? null, `the keys of repeats in ${name}`, ({ createDatabase }) => {
    const newReplica = async (url: string) => {
      const journal = await openSqlJournal({ url, replica: { id: 'test' }, log: silent })
      onTestFinished(() => journal.close())
      return journal
    }
    /** Keys whose first byte is spread over all there are. */
    const keyOf = (n: number) => ({ digest: `${n.toString(16).padStart(2, '0')}${'0'.repeat(30)}`, content: null })
    const at = (receivedAtUs: number) => submission([decided(['a'])], { receivedAtUs })

    it('go when they are out of date, a share at a time, and no others', async () => {
      const { url } = await createDatabase()
      const journal = await newReplica(url)
      const numbers = Array.from({ length: 256 }, (_, n) => n)
      await Promise.all(numbers.map((n) => journal.commitOnce(at(n % 2 === 0 ? NOW_US - HOUR_US : NOW_US), keyOf(n))))
      const { kysely, engine } = connect(url)
      for (let share = 0; share < SHARES; share++)
        await removeKeys(kysely, dialectOf(engine), { share, untilUs: NOW_US - HOUR_US + 1 })
      // At the old time: what has gone is a first again, and what is there is not out of date.
      const fates = await Promise.all(numbers.map((n) => journal.commitOnce(at(NOW_US - HOUR_US), keyOf(n))))
      expect(fates.map(({ kind }) => kind)).toEqual(numbers.map((n) => (n % 2 === 0 ? 'kept' : 'repeat')))
    })

    it('are had by one of two replicas, also those that are out of date, and each of a key once', async () => {
      const { url } = await createDatabase()
      const replicas = [await newReplica(url), await newReplica(url)]
      const numbers = Array.from({ length: 64 }, (_, n) => n * 4)
      for (const atUs of [NOW_US - HOUR_US, NOW_US]) {
        const both = await Promise.all(numbers.flatMap((n) => replicas.map((journal) => journal.commitOnce(at(atUs), keyOf(n)))))
        const perKey = numbers.map((_, i) => both.slice(i * 2, i * 2 + 2).map(({ kind }) => kind))
        for (const kinds of perKey) expect(kinds.toSorted()).toEqual(['kept', 'repeat'])
      }
      const stories = await replicas[0]?.search({ limit: 1000 })
      expect(stories?.map(({ repeats }) => repeats.count)).toEqual(numbers.flatMap(() => [1, 1]))
    })
  })
}

const stand = await useStand('mariadb', 'postgresql')
describeKeys('MariaDB', stand?.mariadb)
describeKeys('PostgreSQL', stand?.postgresql)
