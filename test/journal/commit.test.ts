import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CellId, ServerId } from '../../src/events/event.ts'
import { EVENT_NAMES, EVENT_STATUSES } from '../../src/events/names.ts'
import { type EventRecord, JournalUnavailable, type Submission } from '../../src/journal/journal.ts'
import { describeEngines, openOn, placeOn } from './engines.ts'
import { decided, hostName, newEventId, openJournal, submission, temporaryDirectory } from './journal-file.ts'

/** Transactions in a write-ahead log: frames whose header tells the size of the file after a commit (sqlite.org/fileformat2.html). */
function countTransactions(walFile: string): number {
  const wal = readFileSync(walFile)
  const pageSize = wal.readUInt32BE(8)
  let commits = 0
  for (let frame = 32; frame + 24 + pageSize <= wal.length; frame += 24 + pageSize) {
    const ofThisLog = wal.compare(wal, 16, 24, frame + 8, frame + 16) === 0
    if (ofThisLog && wal.readUInt32BE(frame + 4) > 0) commits++
  }
  return commits
}

/** What the journal should tell of a submission right after its commit. */
function expectedRecords({ events, ...about }: Submission): EventRecord[] {
  return events.map(({ id, event, outcome }) => ({
    ...about,
    id,
    event,
    code: outcome.code,
    repeats: { count: 0, lastAtUs: null },
    deferral: outcome.kind === 'deferred' ? { cell: outcome.cell, reason: outcome.reason, state: 'waiting' as const } : null,
    deliveries: (outcome.kind === 'accepted' ? outcome.destinations : [])
      .map(({ host, cell }) => ({
        host,
        cell,
        state: 'pending' as const,
        attempts: 0,
        lastError: null,
        lastErrorAtUs: null,
        dispatchedAtUs: null,
        endedAtUs: null,
        acknowledgedAtUs: null,
        receipt: null,
      }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.host), Buffer.from(b.host))),
    replay: null,
    replays: [],
  }))
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const uuidLike = fc.oneof(
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.toUpperCase()),
  fc.uuid().map((uuid) => uuid.replaceAll('-', '')),
)
const submissions = fc
  .record({
    receivedAtUs: fc.integer({ min: 0, max: 4e15 }),
    requestId: fc.oneof(
      fc.uuid().map((uuid) => `req-${uuid}`),
      text,
    ),
    globalRequestId: fc.option(
      fc.oneof(
        fc.uuid().map((uuid) => `req-${uuid}`),
        text,
      ),
    ),
    sender: fc.record({ userId: fc.option(text), userName: fc.option(text), projectId: fc.option(text) }),
    microversion: fc.constantFrom('2.0', '2.1', '2.93'),
    events: fc.array(
      fc.record({
        event: fc.record({
          serverId: uuidLike.map((id) => id as ServerId),
          name: fc.constantFrom(...EVENT_NAMES.map(({ name }) => name)),
          status: fc.constantFrom(...EVENT_STATUSES),
          tag: fc.option(fc.oneof(uuidLike, text)),
        }),
        outcome: fc.oneof(
          fc.constantFrom(400 as const, 404 as const, 422 as const).map((code) => ({ kind: 'refused' as const, code })),
          fc.constant({ kind: 'deferred' as const, code: 200 as const, cell: 'c' as CellId, reason: 'away' }),
          fc
            .uniqueArray(fc.record({ host: text.map(hostName), cell: fc.option(fc.uuid().map((cell) => cell as CellId)) }), {
              minLength: 1,
              maxLength: 3,
              selector: ({ host }) => host,
            })
            .map((destinations) => ({ kind: 'accepted' as const, code: 200 as const, destinations })),
        ),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map((made): Submission => ({ ...made, events: made.events.map((each) => ({ ...each, id: newEventId() })) }))

describeEngines('commit', (engine) => {
  it('keeps every field of every event as it came, also in a journal that is opened again', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const kept: EventRecord[] = []
    await fc.assert(
      fc.asyncProperty(submissions, async (made) => {
        await store.commit(made)
        const records = expectedRecords(made)
        for (const record of records) expect(await store.event(record.id)).toEqual(record)
        kept.push(...records)
      }),
      { numRuns: 200 },
    )
    await store.close()
    const again = await place.open()
    expect(await again.search({ limit: kept.length + 1, order: 'oldest' })).toEqual(kept)
  })

  it('keeps the order of the calls, over submissions and within them', async () => {
    const store = await openOn(engine)
    const all = Array.from({ length: 40 }, () => submission([decided(['a']), decided(['a', 'b']), decided([])]))
    await Promise.all(all.map((each) => store.commit(each)))
    const records = await store.search({ limit: 1000, order: 'oldest' })
    expect(records.map(({ id }) => id)).toEqual(all.flatMap(({ events }) => events.map(({ id }) => id)))
  })

  it('refuses a submission that cannot be kept, whole, and keeps the others of the same moment', async () => {
    const store = await openOn(engine)
    const good = Array.from({ length: 10 }, () => submission([decided(['a'])]))
    const repeated = submission([decided(['never-seen']), ...(good[0]?.events ?? [])])
    const results = await Promise.allSettled([...good.slice(0, 5), repeated, ...good.slice(5)].map((each) => store.commit(each)))
    expect(results.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 5 }, () => 'fulfilled'),
      'rejected',
      ...Array.from({ length: 5 }, () => 'fulfilled'),
    ])
    await expect(store.commit(repeated)).rejects.toThrow(JournalUnavailable)
    expect(await store.search({ limit: 100 })).toHaveLength(10)
    expect(await store.host(hostName('never-seen'))).toBeNull()
    expect(await store.host(hostName('a'))).toMatchObject({ pending: 10, dispatched: 0 })
    await store.commit(submission([decided(['never-seen'])]))
    expect(await store.host(hostName('never-seen'))).toMatchObject({ pending: 1 })
  })

  it('takes an empty submission without a trace', async () => {
    const store = await openOn(engine)
    await store.commit(submission([]))
    await store.commit(submission([decided(['a'])]))
    expect(await store.search({ limit: 10 })).toHaveLength(1)
  })

  it('rejects after it was closed, and close waits for what is under way', async () => {
    const place = await placeOn(engine)
    const store = await place.open()
    const underWay = Promise.all(Array.from({ length: 20 }, () => store.commit(submission([decided(['a'])]))))
    await store.close()
    await underWay
    await expect(store.commit(submission([decided(['a'])]))).rejects.toThrow(JournalUnavailable)
    await expect(store.search({ limit: 1 })).rejects.toThrow(JournalUnavailable)
    const again = await place.open()
    expect(await again.search({ limit: 100 })).toHaveLength(20)
  })

  it('turns away what would wait for the disk without bound', async () => {
    const store = await openOn(engine)
    const many = Array.from({ length: 30 }, () => submission(Array.from({ length: 5000 }, () => decided(['a']))))
    const results = await Promise.allSettled(many.map((each) => store.commit(each)))
    const refused = results.filter((each) => each.status === 'rejected')
    expect(refused).toHaveLength(10)
    expect(String(refused[0]?.reason)).toContain('too much waits')
    await store.commit(submission([decided(['a'])]))
  })
})

describe('commit, in SQLite', () => {
  it('shares one transaction among the submissions of a moment, and gives each one of its own when they come one by one', async () => {
    const file = join(temporaryDirectory(), 'novacast.db')
    const store = await openJournal(file)
    const before = countTransactions(`${file}-wal`)
    await Promise.all(Array.from({ length: 64 }, () => store.commit(submission([decided(['a'])]))))
    const together = countTransactions(`${file}-wal`) - before
    for (let i = 0; i < 5; i++) await store.commit(submission([decided(['a'])]))
    const apart = countTransactions(`${file}-wal`) - before - together
    expect(together).toBeLessThanOrEqual(2)
    expect(apart).toBe(5)
  })
})
