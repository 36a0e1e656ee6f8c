import { chownSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { EventId } from '../../src/events/event.ts'
import { JournalUnavailable } from '../../src/journal/journal.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import type { Database } from '../stand/stand.ts'
import { useStand } from '../stand/use-stand.ts'
import { canMount, mountDisk, type SmallDisk } from '../support/small-disk.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

/** A database whose tables are on a disk of their own. */
interface OnDisk {
  readonly url: string
  readonly disk: SmallDisk
}

/** Room for the empty tables and little more. */
const SMALL_MIB = 12
const LARGE_MIB = 128

/** MariaDB keeps a database's tables in a folder of its data folder. */
async function inMariadb({ host, port, user, password, createDatabase }: Database): Promise<OnDisk> {
  const { name, url } = await createDatabase()
  const connection = await createConnection({ host, port, user, password })
  const [rows] = await connection.query('select @@datadir as folder')
  const [{ folder } = { folder: '' }] = rows as { folder: string }[]
  const disk = mountDisk(SMALL_MIB, join(folder, name))
  onTestFinished(async () => {
    const drop = () => connection.query(`drop database if exists ${name}`).catch(() => {})
    // The folder itself cannot go before the disk.
    await drop()
    disk.remove()
    await drop()
    await connection.end()
  })
  return { url, disk }
}

/** PostgreSQL keeps a database's tables in a tablespace; its log is elsewhere. */
async function inPostgresql({ host, port, user, password, url }: Database): Promise<OnDisk> {
  const name = `full_${crypto.randomUUID().slice(0, 8)}`
  const client = new Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  const { rows } = await client.query<{ data_directory: string }>('show data_directory')
  const disk = mountDisk(SMALL_MIB)
  const folder = join(disk.path, 'tables')
  const { uid, gid } = statSync(rows[0]?.data_directory ?? '')
  mkdirSync(folder)
  for (const path of [disk.path, folder]) chownSync(path, uid, gid)
  await client.query(`create tablespace ${name} location '${folder}'`)
  onTestFinished(async () => {
    await client.query(`drop database ${name} with (force)`)
    await client.query(`drop tablespace ${name}`)
    await client.end()
    disk.remove()
  })
  await client.query(`create database ${name} tablespace ${name}`)
  return { url: url(name), disk }
}

const stand = await useStand('mariadb', 'postgresql')

describe.skipIf(stand === null || !canMount())("a journal whose database's disk fills", () => {
  it.each(['mariadb', 'postgresql'] as const)(
    'refuses at once, keeps nothing of what it refused, and goes on when there is room: %s',
    async (engine) => {
      if (stand === null) throw new Error('there is no stand')
      const { url, disk } = await (engine === 'mariadb' ? inMariadb(stand.mariadb) : inPostgresql(stand.postgresql))
      const journal = await openSqlJournal({ url, replica: { id: 'test' }, log: silent })
      onTestFinished(() => journal.close())
      // A connection that is opened behind a change of tables writes a file, for which there will be no room.
      await journal.search({ limit: 1 })
      const kept: EventId[] = []
      const refused: EventId[] = []
      const commit = async () => {
        const events = Array.from({ length: 500 }, () => decided(['a']))
        const ids = events.map(({ id }) => id)
        try {
          await journal.commit(submission(events))
          kept.push(...ids)
        } catch (error) {
          expect(error).toBeInstanceOf(JournalUnavailable)
          refused.push(...ids)
        }
      }
      while (refused.length < 3 * 500) await commit()
      await expect(journal.ready()).rejects.toThrow(/full|space|extend/i)
      const there = new Set((await journal.search({ limit: 1_000_000 })).map(({ id }) => id))
      expect(there).toEqual(new Set(kept))
      expect((await journal.open(hostName('a'), null, 10)).map(({ eventId }) => eventId)).toEqual(kept.slice(0, 10))

      disk.resize(LARGE_MIB)
      const before = kept.length
      while (kept.length === before) await commit()
      await journal.ready()
      expect((await journal.search({ limit: 1_000_000 })).length).toBe(kept.length)
      expect(await journal.host(hostName('a'))).toMatchObject({ pending: kept.length })
    },
  )
})
