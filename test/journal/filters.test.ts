import { expect, it } from 'vitest'
import type { EventId, HostName, ServerId } from '../../src/events/event.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { BUCKET_SIZE } from '../../src/journal/sqlite/database.ts'
import { describeEngines } from './engines.ts'
import { decided, newServerId, submission } from './journal-file.ts'
import { type AskedPlace, askedPlaceOn } from './rows.ts'

/** More than a span has, and those behind it in which it is turned round. */
const BUCKETS = 75
const old = { receivedAtUs: 1 }
const a = 'a' as HostName

/** One event in each of many buckets, of few servers: old ones that are removed end a bucket before its time. */
async function spread(journal: Journal): Promise<Map<ServerId, EventId[]>> {
  const servers = [...Array.from({ length: 7 }, newServerId), 'NOT-A-UUID' as ServerId]
  const events = new Map(servers.map((server): [ServerId, EventId[]] => [server, []]))
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const serverId = servers[bucket % servers.length] ?? newServerId()
    const event = decided(['a'], { serverId })
    events.get(serverId)?.unshift(event.id)
    await journal.commit(submission([event, decided([])], old))
    expect(await journal.retain(2, bucket * BUCKET_SIZE)).toMatchObject({ removed: 1 })
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

describeEngines('look-ups by server', (engine) => {
  it.runIf(engine.name === 'sqlite')('find all events of a server in many buckets, also after a restart', async () => {
    const place = await askedPlaceOn(engine)
    const journal = await place.open()
    const events = await spread(journal)
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
