import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompiledQuery, sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import { JournalUnavailable } from '../../src/journal/journal.ts'
import { checkSqlJournal } from '../../src/journal/sql/check.ts'
import { upgradeSqlJournal } from '../../src/journal/sql/connect.ts'
import { SQL_MIGRATIONS } from '../../src/journal/sql/migrate.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { runCommand } from '../cli/command.ts'
import type { Database as Server } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { decided, silent, submission } from './submissions.ts'

const root = join(import.meta.dirname, '../..')

function connect(url: string): Database<unknown> {
  const parsed = parseDatabaseUrl(url)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 2, connectTimeoutMs: 5000, queryTimeoutMs: 30_000, applicationName: 'test' }
  const database = openDatabase<unknown>(parsed.url, options)
  onTestFinished(() => database.close())
  return database
}

const run = (url: string, statement: string) => connect(url).kysely.executeQuery(CompiledQuery.raw(statement))
const open = (url: string) => openSqlJournal({ url, replica: { id: 'test' }, log: silent })

/** What opening the database says. */
async function refusal(url: string): Promise<string> {
  const error: unknown = await open(url).then(
    (journal) => journal.close(),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(JournalUnavailable)
  return String(error)
}

/** A database that is there, to make others from. */
const ADMIN = { MariaDB: 'mysql', PostgreSQL: 'postgres' } as const

/** What the reference has an operator say to the server, under names of this test. */
function documented(engine: keyof typeof ADMIN) {
  const page = readFileSync(join(root, 'docs/reference/schema.md'), 'utf8')
  const kind = engine === 'MariaDB' ? 'mysql' : 'postgresql'
  const [, block = ''] = new RegExp(`\`\`\`sql ${kind}\n([^\`]*)\`\`\``).exec(page) ?? []
  const own = `own_${randomBytes(4).toString('hex')}`
  const made = block
    .replaceAll('novacast', own)
    .split(/;\s*\n/)
    .filter((statement) => statement !== '')
  expect(made.length).toBeGreaterThan(1)
  return { made, url: (server: Server) => server.url(own).replace(/\/\/[^@]*@/, `//${own}:PASSWORD@`) }
}

function describeSchema(name: keyof typeof ADMIN, server: Server | undefined): void {
  describeOn(server ?? null, `the schema in ${name}`, (server) => {
    it('is made in an empty database by the first who comes, also where several come at once', async () => {
      const { url } = await server.createDatabase()
      expect((await checkSqlJournal(url)).map(({ ok }) => ok)).toEqual([true, true])
      expect((await checkSqlJournal(`${url}?read_timeout=5`))[0]?.detail).toMatch(/; options without effect: read_timeout$/)
      const journals = await Promise.all([open(url), open(url), open(url)])
      await journals[2]?.commit(submission([decided(['a'])]))
      expect(await journals[0]?.search({ limit: 10 })).toHaveLength(1)
      await Promise.all(journals.map((journal) => journal.close()))
      expect(await upgradeSqlJournal(url)).toEqual([])
      expect((await checkSqlJournal(url)).at(-1)).toMatchObject({ ok: true, detail: '0001-journal' })
    })

    it('is made by novacast db upgrade as well, which needs no nova.conf beside the file that names the database', async () => {
      const { url } = await server.createDatabase()
      const folder = mkdtempSync(join(tmpdir(), 'novacast-upgrade-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const conf = join(folder, 'novacast.conf')
      writeFileSync(conf, `[novacast]\nconnection = ${url}\n`)
      const upgrade = () => runCommand(['db', 'upgrade', '--config-file', conf])
      expect(await upgrade()).toEqual({ code: 0, stdout: 'applied 0001-journal\n', stderr: '' })
      expect(await upgrade()).toEqual({ code: 0, stdout: 'nothing to do: the schema is current\n', stderr: '' })
    })

    it('is made by a user and in a database that were made as the reference says', async () => {
      const statements = documented(name)
      for (const statement of statements.made) await run(server.url(ADMIN[name]), statement)
      expect(await checkSqlJournal(statements.url(server))).toMatchObject([
        { ok: true },
        { ok: true, detail: expect.stringContaining('will be made') },
      ])
      await (await open(statements.url(server))).close()
      expect((await checkSqlJournal(statements.url(server))).at(-1)).toMatchObject({ ok: true, detail: '0001-journal' })
    })

    it('is told by check that the user may not make it, or not write it', async () => {
      const { url, name: database } = await server.createDatabase()
      const user = `reader_${randomBytes(4).toString('hex')}`
      const asReader = url.replace(/\/\/[^@]*@/, `//${user}:secret@`)
      const give =
        name === 'MariaDB'
          ? [`CREATE USER ${user} IDENTIFIED BY 'secret'`, `GRANT SELECT ON ${database}.* TO ${user}`]
          : // What makes no table since PostgreSQL 15.
            [
              `CREATE USER ${user} PASSWORD 'secret'`,
              `GRANT ALL ON DATABASE ${database} TO ${user}`,
              'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
            ]
      for (const statement of give) await run(url, statement)
      const mend = expect.stringContaining('docs/reference/schema.md')
      expect((await checkSqlJournal(asReader)).at(-1)).toMatchObject({
        ok: false,
        mend,
        detail: expect.stringContaining('make tables'),
      })
      await upgradeSqlJournal(url)
      if (name === 'PostgreSQL') await run(url, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${user}`)
      expect((await checkSqlJournal(asReader)).at(-1)).toMatchObject({
        ok: false,
        mend,
        detail: expect.stringContaining('write'),
      })
      expect((await checkSqlJournal(url)).at(-1)).toMatchObject({ ok: true })
    })

    it('is refused when it is of a newer novacast, or of another program', async () => {
      const [newer, foreign] = [(await server.createDatabase()).url, (await server.createDatabase()).url]
      await upgradeSqlJournal(newer)
      await run(newer, "INSERT INTO kysely_migration (name, timestamp) VALUES ('0099-tomorrow', '2030-01-01')")
      expect(await refusal(newer)).toMatch(/of a newer novacast \(0099-tomorrow; this one knows up to 0001-journal\)/)
      await run(foreign, 'CREATE TABLE instances (id int)')
      expect(await refusal(foreign)).toMatch(/of another program \(it has a table instances\)/)
      expect((await checkSqlJournal(foreign)).at(-1)).toMatchObject({
        ok: false,
        mend: expect.stringContaining('another database'),
      })
    })

    it('is not looked for where nobody answers, or nobody is let in, and no password is told', async () => {
      const nowhere = server.url('x').replace(/:\d+\/x$/, ':1/x')
      expect(await refusal(nowhere)).toContain('ECONNREFUSED')
      const stranger = server.url('x').replace(/:[^:@/]+@/, ':secretly@')
      expect(await checkSqlJournal(stranger)).toMatchObject([{ ok: false, mend: expect.any(String) }])
      for (const url of [nowhere, stranger]) {
        const said = `${await refusal(url)} ${JSON.stringify(await checkSqlJournal(url))}`
        expect(said).not.toMatch(new RegExp(`secretly|${server.password}@`))
      }
      await expect(open('mysql://')).rejects.toThrow(JournalUnavailable)
    })

    it('has a place in the reference for each table and column', async () => {
      const { url, name: database } = await server.createDatabase()
      await upgradeSqlJournal(url)
      const reference = readFileSync(join(root, 'docs/reference/schema.md'), 'utf8')
      const { rows } = await sql<{ tbl: string; col: string }>`SELECT table_name AS tbl, column_name AS col
        FROM information_schema.columns WHERE table_schema IN ('public', ${database})`.execute(connect(url).kysely)
      expect(rows.length).toBeGreaterThan(50)
      const missing = rows.filter(
        ({ tbl, col }) => !tbl.startsWith('kysely') && !(reference.includes(`**${tbl}**`) && reference.includes(`\`${col}\``)),
      )
      expect(missing).toEqual([])
    })
  })
}

it('the migrations of databases are all the numbered files', () => {
  const files = readdirSync(join(root, 'src/journal/sql/migrations')).map((name) => name.replace(/\.ts$/, ''))
  expect(files.sort()).toEqual(Object.keys(SQL_MIGRATIONS))
})

const stand = await useStand('mariadb', 'postgresql')
describeSchema('MariaDB', stand?.mariadb)
describeSchema('PostgreSQL', stand?.postgresql)
