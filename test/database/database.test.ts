import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Database, type DatabaseOptions, openDatabase } from '../../src/database/connect.ts'
import { isIn } from '../../src/database/in-list.ts'
import { DatabaseTrouble } from '../../src/database/trouble.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import { useStand } from '../stand/use-stand.ts'
import { createStallingProxy, type StallingProxy } from '../support/stalling-proxy.ts'

interface Tables {
  readonly things: {
    readonly id: number | bigint
    readonly name: string | null
    readonly flag: boolean | number
    readonly at: string
  }
}

const stand = await useStand('mariadb', 'postgresql')

describe.skipIf(stand === null).each(['mysql', 'postgresql'] as const)('a database, on %s', (engine) => {
  let proxy: StallingProxy
  let url: string
  const opened: Database<Tables>[] = []

  const open = (text: string, options: Partial<DatabaseOptions> = {}) => {
    const parsed = parseDatabaseUrl(text)
    if (parsed.kind === 'invalid') throw new Error(parsed.reason)
    const defaults = { maxConnections: 2, queryTimeoutMs: 5000, connectTimeoutMs: 2000, applicationName: 'tests' }
    const database = openDatabase<Tables>(parsed.url, { ...defaults, ...options })
    opened.push(database)
    return database
  }
  const troubleOf = async (asked: Promise<unknown>): Promise<DatabaseTrouble> => {
    const error = await asked.then(
      () => null,
      (reason: unknown) => reason,
    )
    if (error instanceof DatabaseTrouble) return error
    throw new Error(`expected trouble, not ${String(error)}`)
  }

  beforeAll(async () => {
    if (stand === null) return
    const server = engine === 'mysql' ? stand.mariadb : stand.postgresql
    url = (await server.createDatabase()).url
    proxy = await createStallingProxy(server)
    const db = open(url).kysely
    const flag = engine === 'mysql' ? sql`tinyint(1)` : sql`boolean`
    const at = engine === 'mysql' ? sql`datetime` : sql`timestamp`
    const name = engine === 'mysql' ? sql`varchar(50) character set utf8mb4` : sql`varchar(50)`
    await sql`CREATE TABLE things (id bigint PRIMARY KEY, name ${name} NOT NULL, flag ${flag}, at ${at})`.execute(db)
  })
  afterEach(async () => {
    proxy.flow()
    await Promise.all(opened.splice(0).map((database) => database.close()))
  })
  afterAll(() => proxy?.close())

  const viaProxy = () => url.replace(/@[^/]*/, `@127.0.0.1:${proxy.port}`)

  it('reads times as text, whole numbers without loss, and booleans by their truth', async () => {
    const { kysely, query } = open(url)
    const rows = [
      { id: 9_007_199_254_740_993n, name: 'é😀', flag: engine === 'mysql' ? 1 : true, at: '2026-11-23 11:52:50' },
      { id: 7, name: '', flag: engine === 'mysql' ? 0 : false, at: '2026-03-29 02:30:00' },
    ]
    await kysely.insertInto('things').values(rows).execute()
    const read = await kysely.selectFrom('things').selectAll().orderBy('id').execute()
    expect(read.map(({ id, name, at }) => [id, name, at])).toEqual([
      [7, '', '2026-03-29 02:30:00'],
      ['9007199254740993', 'é😀', '2026-11-23 11:52:50'],
    ])
    expect(read.map(({ flag }) => Boolean(flag))).toEqual([false, true])
    const { sql: condition, parameters } = isIn(engine, 'name', ['', 'é😀', 'x'])
    const cells = await query(`SELECT name, at, id FROM things WHERE ${condition} ORDER BY id`, parameters)
    expect(cells).toEqual([
      ['', '2026-03-29 02:30:00', 7],
      ['é😀', '2026-11-23 11:52:50', '9007199254740993'],
    ])
  })

  it.runIf(engine === 'postgresql')('has no statement compiled, which would take longer than to run it', async () => {
    expect(await open(url).query('SHOW jit', [])).toEqual([['off']])
  })

  it('has transactions that are kept or undone, and never left to the next who asks', async () => {
    const { kysely } = open(url, { maxConnections: 1 })
    const row = { name: 't', flag: engine === 'mysql' ? 1 : true, at: '2026-01-01 00:00:00' }
    await kysely.transaction().execute((transaction) =>
      transaction
        .insertInto('things')
        .values({ ...row, id: 100 })
        .execute(),
    )
    const undone = kysely
      .transaction()
      .setIsolationLevel('serializable')
      .execute(async (transaction) => {
        await transaction
          .insertInto('things')
          .values({ ...row, id: 101 })
          .execute()
        await transaction
          .insertInto('things')
          .values({ ...row, id: 100 })
          .execute()
      })
    expect((await troubleOf(undone)).kind).toBe('duplicate')
    const ids = await kysely.selectFrom('things').select('id').where('name', '=', 't').execute()
    expect(ids).toEqual([{ id: 100 }])
    const result = await kysely.updateTable('things').set({ name: 'u' }).where('name', '=', 't').executeTakeFirst()
    expect(result.numUpdatedRows).toBe(1n)
  })

  it('says what trouble costs, with neither the statement nor a password', async () => {
    const database = open(url)
    expect((await troubleOf(database.query('SELECT hidden_value FROM nowhere', []))).kind).toBe('missing')
    expect((await troubleOf(database.query('SELEC 1', []))).kind).toBe('wrong')
    const refused = await troubleOf(open(url.replace(/:[^:@]*@/, ':geheim@')).query('SELECT 1', []))
    expect(refused.kind).toBe('refused')
    expect(JSON.stringify({ ...refused, message: refused.message, stack: refused.stack })).not.toContain('geheim')
    expect((await troubleOf(open(url.replace(/\/[^/]*$/, '/nowhere')).query('SELECT 1', []))).kind).toBe('missing')
    expect(await troubleOf(open(url.replace(/@[^/]*/, '@127.0.0.1:1')).query('SELECT 1', []))).toMatchObject({
      kind: 'away',
      code: 'ECONNREFUSED',
    })
    await database.kysely
      .insertInto('things')
      .values({ id: 1, name: 's3cret', flag: engine === 'mysql' ? 1 : true, at: '2026-01-01' })
      .execute()
    const twice = await troubleOf(
      database.kysely
        .insertInto('things')
        .values({ id: 1, name: 's3cret', flag: engine === 'mysql' ? 1 : true, at: '2026-01-01' })
        .execute(),
    )
    expect(twice.kind).toBe('duplicate')
    expect(JSON.stringify({ ...twice, message: twice.message })).not.toContain('s3cret')
  })

  it('tells of a transaction that lost against another that it can be done again', async () => {
    const { kysely } = open(url)
    const row = { flag: engine === 'mysql' ? 1 : true, at: '2026-01-01', name: 'd' }
    await kysely
      .insertInto('things')
      .values([200, 201].map((id) => ({ ...row, id })))
      .execute()
    const both = Array.from({ length: 2 }, () => Promise.withResolvers<void>())
    const touch = (at: 0 | 1) =>
      kysely.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('things')
          .set({ name: 'e' })
          .where('id', '=', 200 + at)
          .execute()
        both[at]?.resolve()
        await Promise.all(both.map(({ promise }) => promise))
        await transaction
          .updateTable('things')
          .set({ name: 'f' })
          .where('id', '=', 201 - at)
          .execute()
      })
    const ends = await Promise.allSettled([touch(0), touch(1)])
    const [lost] = ends.filter((end) => end.status === 'rejected')
    expect(lost?.reason).toMatchObject({ name: 'DatabaseTrouble', kind: 'retry' })
  })

  it('never opens more connections than it may, and gives them to those who wait in turn', async () => {
    const { query } = open(url, { maxConnections: 3, connectTimeoutMs: 30_000 })
    const sleep = engine === 'mysql' ? 'SELECT SLEEP(0.5), CONNECTION_ID()' : 'SELECT pg_sleep(0.5), pg_backend_pid()'
    const rows = await Promise.all(Array.from({ length: 12 }, () => query(sleep, [])))
    expect(new Set(rows.map(([row]) => row?.[1])).size).toBe(3)
  })

  it('waits no longer than said for an answer, nor for a connection, and does not use that connection again', async () => {
    const { query, kysely } = open(url, { maxConnections: 1, queryTimeoutMs: 1500 })
    const start = performance.now()
    const sleep = engine === 'mysql' ? 'SELECT SLEEP(10)' : 'SELECT pg_sleep(10)'
    expect(await troubleOf(query(sleep, []))).toMatchObject({ kind: 'away', message: expect.stringContaining(' 1500 ms') })
    expect(await troubleOf(sql.raw(sleep).execute(kysely))).toMatchObject({ kind: 'away' })
    expect(await query('SELECT 1', [])).toEqual([[1]])
    expect(performance.now() - start).toBeLessThan(8000)
  })

  it('gets over a server that goes and comes back, with connections idle and in use', async () => {
    const database = open(viaProxy())
    await Promise.all([database.query('SELECT 1', []), database.query('SELECT 2', [])])
    const sleeping = database.query(engine === 'mysql' ? 'SELECT SLEEP(10)' : 'SELECT pg_sleep(10)', [])
    const trouble = troubleOf(sleeping)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await proxy.down()
    expect((await trouble).kind).toBe('away')
    expect((await troubleOf(database.query('SELECT 1', []))).kind).toBe('away')
    await proxy.up()
    expect(await database.query('SELECT 1', [])).toEqual([[1]])
  })

  it('is away where the server ended a transaction that was silent for too long, just when it went on', async () => {
    const [limit, ownId, sessions, idOf] =
      engine === 'mysql'
        ? (['idle_transaction_timeout = 1', 'connection_id()', 'information_schema.processlist', 'id'] as const)
        : (["idle_in_transaction_session_timeout = '1s'", 'pg_backend_pid()', 'pg_stat_activity', 'pid'] as const)
    const beside = open(url)
    const went = await troubleOf(
      open(viaProxy())
        .kysely.connection()
        .execute(async (db) => {
          await sql`SET ${sql.raw(limit)}`.execute(db)
          await sql`BEGIN`.execute(db)
          const { rows } = await sql<{ id: number }>`SELECT ${sql.raw(ownId)} AS id`.execute(db)
          await sql`SELECT count(*) FROM things`.execute(db)
          proxy.stall()
          const asked = troubleOf(sql`SELECT 1`.execute(db))
          const isThere = () => beside.query(`SELECT 1 FROM ${sessions} WHERE ${idOf} = ${rows[0]?.id}`, [])
          await expect.poll(isThere, { timeout: 60_000 }).toEqual([])
          proxy.flow()
          throw await asked
        }),
    )
    expect(went.kind).toBe('away')
  })

  it('gives up on a server that takes the connection and says nothing, and closes without it', async () => {
    const database = open(viaProxy())
    proxy.stall()
    expect(await troubleOf(database.query('SELECT 1', []))).toMatchObject({ kind: 'away' })
    const start = performance.now()
    await database.close()
    expect(performance.now() - start).toBeLessThan(8000)
    expect((await troubleOf(database.query('SELECT 1', []))).kind).toBe('away')
  })
})
