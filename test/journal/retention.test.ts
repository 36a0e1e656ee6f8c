import { describe, expect, it, onTestFinished } from 'vitest'
import type { CellId, EventId } from '../../src/events/event.ts'
import type { DecidedEvent, DeliveryStep, Journal, Submission } from '../../src/journal/journal.ts'
import { createRetention } from '../../src/journal/retention.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { useStand } from '../stand/use-stand.ts'
import { describeEngines, openOn } from './engines.ts'
import { decided, hostName, newEventId, openJournal, silent, submission } from './journal-file.ts'
import { killWhileRetaining } from './killed-retention.ts'
import { askedPlaceOn } from './rows.ts'

const DAY_US = 86_400_000_000
const NOW_US = 1_790_000_000_000_000
const BEFORE_US = NOW_US - 7 * DAY_US
const old = { receivedAtUs: BEFORE_US - 1 }
const young = { receivedAtUs: BEFORE_US }
const a = hostName('a')
const LONG = { timeout: 30_000 }

/** One whole pass; answers how many events it removed. */
async function retainAll(journal: Journal, beforeUs = BEFORE_US): Promise<number> {
  let removed = 0
  for (let from: number | null = 0; from !== null; ) {
    const step = await journal.retain(beforeUs, from)
    removed += step.removed
    from = step.next
  }
  return removed
}

const idsOf = (events: readonly { readonly id: EventId }[]) => events.map(({ id }) => id)
const left = async (journal: Journal) => idsOf(await journal.search({ limit: 1_000_000, order: 'oldest' }))

/** Of the first, all deliveries end; the second stays dispatched; the third is expired at one host and pending at the other. */
async function settle(journal: Journal, [first, second, third]: readonly (DecidedEvent | undefined)[]): Promise<void> {
  const about = (event: DecidedEvent | undefined) => ({ eventId: event?.id ?? newEventId(), host: a, atUs: NOW_US })
  const steps: DeliveryStep[] = [
    { kind: 'dispatched', isEnd: true, ...about(first) },
    { kind: 'dispatched', isEnd: false, ...about(second) },
    { kind: 'expired', reason: 'too late', ...about(third) },
  ]
  expect(await journal.record(steps)).toBe(3)
}

const deferred = (): DecidedEvent => ({
  ...decided([]),
  outcome: { kind: 'deferred', code: 200, cell: 'c' as CellId, reason: 'away' },
})

describeEngines('retention', (engine) => {
  it('removes what is old and has ended, of a request whatever can go, and keeps the rest as it was', async () => {
    const { open, orphans } = await askedPlaceOn(engine)
    const journal = await open()
    const mixed = submission([decided(['a']), decided(['a']), decided(['a', 'b']), decided([]), deferred()], old)
    const refused = submission([decided([]), decided([])], old)
    const kept = submission([decided(['a']), decided([])], young)
    for (const each of [mixed, refused, kept]) await journal.commit(each)
    await settle(journal, mixed.events)
    const before = await journal.search({ limit: 100, order: 'oldest' })

    expect(await retainAll(journal)).toBe(4)
    const stays = idsOf([...mixed.events.slice(1, 3), ...mixed.events.slice(4), ...kept.events])
    const after = await journal.search({ limit: 100, order: 'oldest' })
    expect(after).toEqual(before.filter(({ id }) => stays.includes(id)))
    expect(idsOf(await journal.search({ limit: 9, order: 'oldest', requestId: mixed.requestId }))).toEqual(stays.slice(0, 3))
    expect(await journal.search({ limit: 9, requestId: refused.requestId })).toEqual([])
    expect(await journal.event(mixed.events[0]?.id ?? newEventId())).toBeNull()
    expect((await journal.open(hostName('b'), null, 9)).map(({ eventId }) => eventId)).toEqual(stays.slice(1, 2))
    expect((await journal.unlocated(null, 9)).map(({ eventId }) => eventId)).toEqual(stays.slice(2, 3))
    expect(await orphans()).toEqual([])
    expect(await retainAll(journal)).toBe(0)
  })

  it('removes the rest when it has ended as well', async () => {
    const { open, orphans } = await askedPlaceOn(engine)
    const journal = await open()
    const mixed = submission([decided(['a']), decided(['a', 'b']), deferred(), decided(['a'])], {
      ...old,
      globalRequestId: `req-${crypto.randomUUID()}`,
    })
    const [first, second, third, fourth] = idsOf(mixed.events) as [EventId, EventId, EventId, EventId]
    await journal.commit(mixed)
    await journal.acknowledge(a, [first, second], NOW_US)
    expect(await retainAll(journal)).toBe(1)
    await journal.acknowledge(hostName('b'), [second], NOW_US)
    await journal.locate([{ kind: 'located', eventId: third, atUs: NOW_US, destinations: [{ host: hostName('b'), cell: null }] }])
    expect(await retainAll(journal)).toBe(1)
    await journal.acknowledge(hostName('b'), [third], NOW_US)
    await journal.acknowledge(a, [fourth], NOW_US)
    expect((await journal.retain(BEFORE_US, 0)).oldestUs).toBeNull()
    expect(await left(journal)).toEqual([])
    expect(await orphans()).toEqual([])
    expect(await journal.acknowledge(a, [fourth], NOW_US)).toEqual({ ended: [], unknown: [fourth] })
  })

  it('goes through a long journal in steps, whatever the clock said', async () => {
    const { open, orphans } = await askedPlaceOn(engine)
    const journal = await open()
    const all: Submission[] = []
    // 20,000 events; a clock that is set back now and then, and once was far ahead.
    for (let i = 0; i < 200; i++) {
      const about = i === 3 ? { receivedAtUs: NOW_US * 2 } : i < 150 === (i % 10 !== 0) ? old : young
      all.push(
        submission(
          Array.from({ length: 100 }, (_, n) => decided(n === 50 && i % 3 === 0 ? ['a'] : [])),
          about,
        ),
      )
    }
    await Promise.all(all.map((each) => journal.commit(each)))
    const isKept = ({ receivedAtUs }: Submission, { outcome }: DecidedEvent) =>
      receivedAtUs >= BEFORE_US || outcome.kind === 'accepted'
    const kept = all.flatMap((each) => each.events.filter((event) => isKept(each, event)))
    expect(await retainAll(journal)).toBe(20_000 - kept.length)
    expect(await left(journal)).toEqual(idsOf(kept))
    expect(await orphans()).toEqual([])
  })

  it('never gives the number of a removed event to another, also after a restart', async () => {
    const { open, ask } = await askedPlaceOn(engine)
    const newest = async () => Number((await ask('SELECT max(seq) FROM events'))[0])
    let before = -1
    // Also from the last number of a bucket of the file.
    for (const size of [3, 8189, 1, 8192]) {
      const journal = await open()
      for (let left = size; left > 0; left -= 2048)
        await journal.commit(
          submission(
            Array.from({ length: Math.min(left, 2048) }, () => decided([])),
            old,
          ),
        )
      const after = await newest()
      expect(after).toBeGreaterThanOrEqual(before + size)
      before = after
      expect(await retainAll(journal)).toBe(size)
      expect(await left(journal)).toEqual([])
      await journal.close()
    }
  })

  it('leaves a sound journal when its process is killed in the middle', async () => {
    const place = await askedPlaceOn(engine)
    const { pending } = await killWhileRetaining(place.target)
    const journal = await place.open()
    const there = new Set(await left(journal))
    expect(pending.length).toBeGreaterThan(100)
    expect(pending.filter((id) => !there.has(id))).toEqual([])
    expect(await place.orphans()).toEqual([])
    const openOf = async (host: string) => {
      const open = await journal.open(hostName(host), null, 1_000_000)
      // A database knows nothing of a host of which nothing is open, and that was never seen.
      const known = (await journal.host(hostName(host))) ?? { pending: 0, dispatched: 0 }
      expect(known).toMatchObject({ pending: open.length, dispatched: 0 })
      return open.length
    }
    // In a database another replica has deliveries and duty when the one that was killed is known to be dead.
    await expect.poll(() => journal.claim(), { timeout: 30_000, interval: 500 }).toContain('stays')
    await retainAll(journal, NOW_US * 2)
    expect(await left(journal)).toHaveLength((await openOf('stays')) + (await openOf('goes')))
    expect(await place.orphans()).toEqual([])
  })
})

const stand = await useStand('mariadb', 'postgresql')
for (const server of ['mariadb', 'postgresql'] as const) {
  describe.skipIf(stand === null)(`retention of a journal that replicas share, in ${server}`, () => {
    it('is the duty of one of them, and of another when that one is gone', async () => {
      if (stand === null) throw new Error('there is no stand')
      const { url } = await stand[server].createDatabase()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      await one.commit(submission([decided([])], old))
      expect(await one.retain(0, 0)).toMatchObject({ removed: 0 })
      expect(await other.retain(BEFORE_US, 0)).toEqual({ removed: 0, next: null, oldestUs: old.receivedAtUs })
      await one.close()
      await other.claim()
      expect(await retainAll(other)).toBe(1)
    })

    it('lets one step at a time happen, whoever asks, and commits beside it', async () => {
      if (stand === null) throw new Error('there is no stand')
      const { url } = await stand[server].createDatabase()
      const journals = [await openReplica(url), await openReplica(url)] as const
      const events = Array.from({ length: 1000 }, () => decided([]))
      for (const event of events) void journals[0].commit(submission([event], old))
      await journals[0].commit(submission([decided([])], old))
      const later = Array.from({ length: 200 }, (_, i) => journals[i % 2]?.commit(submission([decided(['a'])], young)))
      const removed = await Promise.all(journals.map((journal) => retainAll(journal)))
      await Promise.all(later)
      // Who has the duty leaves off where the other is just asking: the rest is left to the next pass.
      for (const journal of journals) removed.push(await retainAll(journal))
      expect(removed.reduce((sum, each) => sum + each, 0)).toBe(1001)
      expect(await left(journals[1])).toHaveLength(200)
    })
  })
}

async function openReplica(url: string): Promise<Journal> {
  const journal = await openSqlJournal({ url, replica: { id: 'test' }, log: silent })
  onTestFinished(() => journal.close())
  return journal
}

describe('the retention of a service', () => {
  const start = (journal: Journal, retentionMs: number) => {
    const lines: Record<string, unknown>[] = []
    const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(JSON.parse(line)) } })
    const metrics = createMetrics()
    const retention = createRetention({ journal, retentionMs, metrics, log })
    retention.start()
    onTestFinished(() => retention.close())
    return { lines, retention, body: async () => (await metrics.render()).body }
  }

  it('removes what comes of age, counts it, and says so', async () => {
    const journal = await openJournal()
    const pending = submission([decided(['a'])], { receivedAtUs: (Date.now() - 60_000) * 1000 })
    await journal.commit(pending)
    for (let i = 0; i < 20; i++) await journal.commit(submission(Array.from({ length: 100 }, () => decided([]))))
    const { lines, body } = start(journal, 500)
    await expect.poll(() => left(journal), LONG).toEqual(idsOf(pending.events))
    await expect.poll(body, LONG).toMatch(/^novacast_events_removed_total 2000$/m)
    const oldestSeconds = async () => Number(/^novacast_oldest_event_age_seconds (\S+)$/m.exec(await body())?.[1])
    await expect.poll(oldestSeconds, LONG).toBeGreaterThan(59)
    await expect.poll(() => lines.reduce((sum, line) => sum + Number(line['removed'] ?? 0), 0), LONG).toBe(2000)
  })

  it('keeps everything where it is for ever', async () => {
    const journal = await openJournal()
    await journal.commit(submission([decided([])], { receivedAtUs: 1 }))
    const { retention } = start(journal, 0)
    await retention.close()
    expect(await left(journal)).toHaveLength(1)
  })

  it('says once that the journal cannot be had, and goes on when it can', async () => {
    const journal = await openOn({ name: 'sqlite', newPlace: async () => ({ url: null, open: () => openJournal() }) })
    let isAway = true
    const { lines } = start(
      { ...journal, retain: (...step) => (isAway ? Promise.reject(new Error('away')) : journal.retain(...step)) },
      50,
    )
    await journal.commit(submission([decided([])], { receivedAtUs: 1 }))
    await expect.poll(() => lines.length, LONG).toBe(1)
    isAway = false
    await expect.poll(() => left(journal), LONG).toEqual([])
    await expect.poll(() => lines.map(({ reason, removed }) => reason ?? removed), LONG).toEqual(['away', 1])
  })
})
