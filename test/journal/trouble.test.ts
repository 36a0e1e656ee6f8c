import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { JournalUnavailable } from '../../src/journal/journal.ts'
import { checkSqliteJournal } from '../../src/journal/sqlite/check.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { decided, hostName, openJournal, silent, submission, temporaryDirectory } from './journal-file.ts'

/** What opening the file says, or null when it opens. */
async function refusal(file: string): Promise<string | null> {
  try {
    await (await openSqliteJournal({ file, log: silent })).close()
    return null
  } catch (error) {
    expect(error).toBeInstanceOf(JournalUnavailable)
    return String(error)
  }
}

async function journalThen(change: (db: DatabaseSync) => void): Promise<string> {
  const file = join(temporaryDirectory(), 'novacast.db')
  await (await openSqliteJournal({ file, log: silent })).close()
  const db = new DatabaseSync(file)
  change(db)
  db.close()
  return file
}

describe('a file that cannot be the journal', () => {
  it('below a path that is no directory is refused', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'occupied'), '')
    expect(await refusal(join(directory, 'occupied', 'novacast.db'))).toMatch(/directory .*occupied cannot be made/)
  })

  it('that is a directory is refused', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'novacast.db'))
    expect(await refusal(join(directory, 'novacast.db'))).toContain('cannot be opened')
  })

  it('in a place that nobody can write is refused', async () => {
    expect(await refusal('/proc/self/novacast/novacast.db')).toContain('cannot be made')
    expect(await refusal('/proc/self/novacast.db')).toContain('novacast.db')
  })

  it('that is no database is refused, and left as it was', async () => {
    const file = join(temporaryDirectory(), 'novacast.db')
    writeFileSync(file, 'dear diary, '.repeat(1000))
    expect(await refusal(file)).toContain('not a SQLite database')
    expect(readFileSync(file, 'utf8')).toBe('dear diary, '.repeat(1000))
  })

  it('that is damaged is refused', async () => {
    const file = await journalThen(() => {})
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0x5a, 100, 4096))
    expect(await refusal(file)).toMatch(/damaged|not a SQLite database/)
  })

  it('of another program is refused', async () => {
    const file = join(temporaryDirectory(), 'nova.sqlite')
    const db = new DatabaseSync(file)
    db.exec('CREATE TABLE instances (uuid TEXT)')
    db.close()
    expect(await refusal(file)).toContain('of another program')
  })

  it('from a newer novacast is refused, by name of what is not known', async () => {
    const file = await journalThen((db) => db.exec("INSERT INTO kysely_migration VALUES ('0099-tomorrow', '2030-01-01')"))
    expect(await refusal(file)).toMatch(/newer novacast \(schema 0099-tomorrow; this one knows up to 0001-journal\)/)
  })

  it('in use by this process or another is refused, and free again when that one ends', async () => {
    const file = join(temporaryDirectory(), 'novacast.db')
    const store = await openJournal(file)
    expect(await refusal(file)).toContain('in use by another novacast')
    const script = `
      import { openSqliteJournal } from ${JSON.stringify(join(import.meta.dirname, '../../src/journal/sqlite/store.ts'))}
      await openSqliteJournal({ file: process.argv[1] }).catch((error) => { console.log(error.message); process.exit(0) })
      console.log('opened')
      process.kill(process.pid, 'SIGKILL')`
    const run = () => spawnSync(process.execPath, ['--input-type=module', '-e', script, file], { encoding: 'utf8' })
    expect(run().stdout).toContain('in use by another novacast')
    await store.close()
    expect(run()).toMatchObject({ stdout: 'opened\n', signal: 'SIGKILL' })
    expect(await refusal(file)).toBeNull()
  })
})

describe('a journal whose writer dies', () => {
  it('rejects what is under way, says so meanwhile, and is back soon with all that it had', async () => {
    const workers: Worker[] = []
    const note = (worker: Worker) => workers.push(worker)
    process.on('worker', note)
    onTestFinished(() => void process.off('worker', note))
    const store = await openJournal()
    await store.commit(submission([decided(['a'])]))

    const underWay = Promise.allSettled(Array.from({ length: 50 }, () => store.commit(submission([decided(['a'])]))))
    await workers[0]?.terminate()
    const answered = (await underWay).filter(({ status }) => status === 'fulfilled').length
    await expect(store.commit(submission([decided(['a'])]))).rejects.toThrow(JournalUnavailable)
    // Reading goes on all the while.
    expect((await store.search({ limit: 100 })).length).toBeGreaterThan(answered)

    await expect
      .poll(() => store.commit(submission([decided(['b'])])).then(() => 'kept', String), { timeout: 30_000 })
      .toBe('kept')
    expect(await store.open(hostName('b'), null, 10)).toHaveLength(1)
    expect((await store.search({ limit: 100 })).length).toBeGreaterThan(answered + 1)
  })
})

describe('a journal whose file is damaged while it is open', () => {
  it('says so, and is back when the file is', async () => {
    const directory = temporaryDirectory()
    const file = join(directory, 'novacast.db')
    const workers: Worker[] = []
    const note = (worker: Worker) => workers.push(worker)
    process.on('worker', note)
    onTestFinished(() => void process.off('worker', note))
    const first = await openJournal(file)
    await first.commit(submission([decided(['a'])]))
    await first.close()
    const good = readFileSync(file)

    const store = await openJournal(file)
    writeFileSync(file, 'dear diary, '.repeat(1000))
    await workers[2]?.terminate()
    const said = () => store.commit(submission([decided(['a'])])).then(() => 'kept', String)
    await expect.poll(said, { timeout: 30_000 }).toMatch(/^JournalUnavailable: journal [^:]*: it is not a SQLite database/)
    writeFileSync(file, good)
    await expect.poll(said, { timeout: 30_000, interval: 200 }).toBe('kept')
  })
})

describe('checking a journal', () => {
  it('says of a good place what it found', async () => {
    const file = join(temporaryDirectory(), 'new', 'novacast.db')
    expect(checkSqliteJournal(file).map(({ ok }) => ok)).toEqual([true, true, true, true])
    await openJournal(file)
    const lines = checkSqliteJournal(file)
    expect(lines.filter(({ ok }) => !ok)).toEqual([])
    expect(lines.map(({ detail }) => detail).join('\n')).toMatch(/synced in .*\n.*MiB free.*\n.*schema 0001-journal\n.*in use/)
  })

  it('leaves nothing behind: it may be root who asks, and another user who serves', async () => {
    const directory = temporaryDirectory()
    const file = join(directory, 'new', 'data', 'novacast.db')
    expect(checkSqliteJournal(file)[0]).toMatchObject({ ok: true, detail: expect.stringContaining(`${directory}: written`) })
    expect(readdirSync(directory)).toEqual([])
    const store = await openJournal(file)
    await store.close()
    const before = readdirSync(dirname(file))
    rmSync(`${file}-lock`)
    expect(checkSqliteJournal(file).map(({ ok }) => ok)).toEqual([true, true, true, true])
    expect(readdirSync(dirname(file))).toEqual(before.filter((name) => name !== 'novacast.db-lock'))
  })

  it('says of a bad place what is wrong and how to mend it', async () => {
    const [unwritable] = checkSqliteJournal('/proc/self/novacast.db')
    expect(unwritable).toMatchObject({ ok: false, mend: expect.stringContaining('/proc/self') })
    const newer = await journalThen((db) => db.exec("INSERT INTO kysely_migration VALUES ('0099-tomorrow', '2030-01-01')"))
    expect(checkSqliteJournal(newer).find(({ ok }) => !ok)?.detail).toContain('newer novacast')
    const diary = join(temporaryDirectory(), 'novacast.db')
    writeFileSync(diary, 'dear diary, '.repeat(1000))
    expect(checkSqliteJournal(diary).find(({ ok }) => !ok)?.detail).toContain('not a SQLite database')
  })
})
