import { expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import type { EventId, HostName, ServerId } from '../../src/events/event.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { fillBucket } from '../../src/journal/sql/buckets.ts'
import { BUCKET_BITS } from '../../src/journal/sql/columns.ts'
import { dialectOf } from '../../src/journal/sql/dialect.ts'
import { turnSpans } from '../../src/journal/sql/filters.ts'
import { BUCKET_SIZE } from '../../src/journal/sqlite/database.ts'
import { describeEngines } from './engines.ts'
import { decided, newServerId, submission } from './journal-file.ts'
import { type AskedPlace, askedPlaceOn } from './rows.ts'

/** More than a span has, and those behind it in which it is turned round. */
const BUCKETS = 75
const old = { receivedAtUs: 1 }
const a = 'a' as HostName

/** One event in each of many buckets, of few servers. */
async function spread(journal: Journal, endBucket: (bucket: number) => Promise<unknown>): Promise<Map<ServerId, EventId[]>> {
  const servers = [...Array.from({ length: 7 }, newServerId), 'NOT-A-UUID' as ServerId]
  const events = new Map(servers.map((server): [ServerId, EventId[]] => [server, []]))
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const serverId = servers[bucket % servers.length] ?? newServerId()
    const event = decided(['a'], { serverId })
    events.get(serverId)?.unshift(event.id)
    await journal.commit(submission([event, decided([])], old))
    await endBucket(bucket)
  }
  return events
}

async function expectAll(journal: Journal, events: ReadonlyMap<ServerId, readonly EventId[]>): Promise<void> {
  for (const [serverId, ids] of events) {
    expect((await journal.search({ serverId, limit: 100 })).map(({ id }) => id)).toEqual(ids)
    const after = ids[5]
    const older = await journal.search({ serverId, limit: 2, ...(after === undefined ? {} : { after }) })
    expect(older.map(({ id }) => id)).toEqual(ids.slice(6, 8))
  }
  for (let i = 0; i < 50; i++) expect(await journal.search({ serverId: newServerId(), limit: 1 })).toEqual([])
}

const countOf = async ({ ask }: AskedPlace, table: string) => Number((await ask(`SELECT count(*) FROM ${table}`))[0])

/** In the file old events that are removed end a bucket before its time. */
const endInFile = (journal: Journal) => async (bucket: number) =>
  expect(await journal.retain(2, bucket * BUCKET_SIZE)).toMatchObject({ removed: 1 })

/** A database is told which number comes next. */
const endInDatabase =
  ({ ask }: AskedPlace, name: 'mariadb' | 'postgresql') =>
  (bucket: number) => {
    const next = (bucket + 1) * 2 ** BUCKET_BITS
    const numbers = name === 'mariadb' ? `AUTO_INCREMENT = ${next}` : `ALTER COLUMN request RESTART WITH ${next}`
    return ask(`ALTER TABLE requests ${numbers}`)
  }

/** What a minute later is done of itself. */
async function turnRound(url: string): Promise<void> {
  const parsed = parseDatabaseUrl(url)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 1, connectTimeoutMs: 5000, queryTimeoutMs: 30_000, applicationName: 'test' }
  const database = openDatabase<unknown>(parsed.url, options)
  onTestFinished(() => database.close())
  for (let bucket = 0; bucket < BUCKETS; bucket++) await fillBucket(database, bucket)
  // Twice, as two replicas may.
  await fillBucket(database, 3)
  for (const before of [BUCKETS, BUCKETS]) await turnSpans(database.kysely, dialectOf(database.engine), before)
}

describeEngines('look-ups by server', (engine) => {
  it('find all events of a server in many buckets, also after a restart', async () => {
    const place = await askedPlaceOn(engine)
    const journal = await place.open()
    const end = engine.name === 'sqlite' ? endInFile(journal) : endInDatabase(place, engine.name)
    const events = await spread(journal, end)
    if (engine.name !== 'sqlite') await turnRound(place.target)
    expect(await countOf(place, 'buckets')).toBe(BUCKETS)
    expect(await countOf(place, 'span_servers')).toBe(2048)
    expect(await countOf(place, 'bucket_servers')).toBe(BUCKETS - 64)
    await expectAll(journal, events)
    await journal.close()
    const again = await place.open()
    // In the bucket that grows, whose filter is read again.
    const [[server, ids] = [newServerId(), []]] = events
    const event = decided(['a'], { serverId: server })
    await again.commit(submission([event]))
    await expectAll(again, new Map([...events, [server, [event.id, ...ids]]]))

    await again.acknowledge(a, [...events.values()].flat(), 1)
    for (let from: number | null = 0; from !== null; ) from = (await again.retain(2, from)).next
    expect(await countOf(place, 'span_servers')).toBe(0)
    expect((await again.search({ limit: 100 })).map(({ id }) => id)).toEqual([event.id])
  })
})
