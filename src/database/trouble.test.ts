import { expect, it } from 'vitest'
import { openDatabase } from './connect.ts'
import { DatabaseTrouble, isOfFile } from './trouble.ts'
import { parseDatabaseUrl } from './url.ts'

/** What comes of asking the database of this URL. */
async function troubleOf(text: string): Promise<DatabaseTrouble> {
  const parsed = parseDatabaseUrl(text)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 1, connectTimeoutMs: 20_000, queryTimeoutMs: 20_000, applicationName: 'test' }
  const database = openDatabase(parsed.url, options)
  const error: unknown = await database.query('SELECT 1', []).catch((reason: unknown) => reason)
  await database.close()
  if (error instanceof DatabaseTrouble) return error
  throw new Error(`expected trouble, not ${String(error)}`)
}

it.each(['mysql://user@/database?unix_socket=/nowhere/mysqld.sock', 'postgresql://user@/database?host=/nowhere'])(
  'a socket that is not there is a server that is away: %s',
  async (url) => {
    const trouble = await troubleOf(url)
    expect(trouble).toMatchObject({ kind: 'away', code: 'ENOENT' })
    expect(isOfFile(trouble)).toBe(false)
  },
)

it('a file of certificates that is not there is no matter of the database user', async () => {
  expect(isOfFile(await troubleOf('mysql://user@127.0.0.1:1/database?ssl_ca=/nowhere/ca.pem'))).toBe(true)
})
