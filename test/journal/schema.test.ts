import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { MIGRATION_NAMES } from '../../src/journal/sqlite/migrate.ts'
import { decided, openJournal, submission, temporaryDirectory } from './journal-file.ts'

const root = join(import.meta.dirname, '../..')

async function withSchema<Answer>(use: (db: DatabaseSync) => Answer): Promise<Answer> {
  const file = join(temporaryDirectory(), 'novacast.db')
  const store = await openJournal(file)
  await store.commit(submission([decided(['compute-1'])]))
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return use(db)
  } finally {
    db.close()
  }
}

describe('the schema', () => {
  it('has a place in the reference for each table and column', async () => {
    const reference = readFileSync(join(root, 'docs/reference/schema.md'), 'utf8')
    const missing = await withSchema((db) => {
      const columns = db.prepare(`SELECT t.name AS tbl, c.name AS col FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
        WHERE t.type = 'table' AND t.name NOT LIKE 'kysely%'`)
      return columns.all().filter((row) => !reference.includes(`**${row['tbl']}**`) || !reference.includes(`\`${row['col']}\``))
    })
    expect(missing).toEqual([])
  })

  it('is asked by the example in the reference', async () => {
    const reference = readFileSync(join(root, 'docs/reference/schema.md'), 'utf8')
    const sql = /```sql\n(.*?)```/s.exec(reference)?.[1] ?? ''
    expect(await withSchema((db) => db.prepare(sql).all().length)).toBe(1)
  })

  it('comes from the numbered migrations, all of them', () => {
    const files = readdirSync(join(root, 'src/journal/migrations')).map((name) => name.replace(/\.ts$/, ''))
    expect(files.sort()).toEqual([...MIGRATION_NAMES])
  })

  it('is searched by the indexes that were made for it', async () => {
    const plans = await withSchema((db) => {
      const plan = (sql: string) =>
        db
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all()
          .map((row) => String(row['detail']))
          .join('; ')
      return [
        plan("SELECT seq FROM events WHERE seq >> 13 = 1 AND server = x'00'"),
        plan("SELECT first_seq FROM requests WHERE first_seq >> 13 = 1 AND request_id = x'00'"),
        plan("SELECT first_seq FROM requests WHERE first_seq >> 13 = 1 AND global_request_id = x'00'"),
        plan('SELECT seq FROM deliveries WHERE seq >> 13 = 1 AND host_id = 1 AND awaited = 1 AND state < 2 ORDER BY seq'),
        plan(`SELECT seq FROM deliveries WHERE seq >> 13 = 1 AND host_id = 1 AND awaited = 0 AND state < 2 UNION ALL
          SELECT seq FROM deliveries WHERE seq >> 13 = 1 AND host_id = 1 AND awaited = 1 AND state < 2 ORDER BY seq`),
      ]
    })
    expect(plans).toEqual([
      expect.stringContaining('events_by_server (<expr>=? AND server=?)'),
      expect.stringContaining('requests_by_id (<expr>=? AND request_id=?)'),
      expect.stringContaining('requests_by_global_id (<expr>=? AND global_request_id=?)'),
      expect.stringMatching(/^SEARCH deliveries USING INDEX deliveries_open \(<expr>=\? AND host_id=\? AND awaited=\?\)$/),
      expect.stringMatching(/^MERGE \(UNION ALL\); LEFT; SEARCH [^;]*; RIGHT; SEARCH [^;]*$/),
    ])
  })
})
