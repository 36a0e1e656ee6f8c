import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import type { Journal, PassedOn } from '../../src/journal/journal.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import type { Database } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { askDatabase } from './rows.ts'
import { decided, hostName, newServerId, silent, submission } from './submissions.ts'

const a = hostName('a')
const b = hostName('b')
const ofChild = hostName('of-child')
/** A replica is taken for dead after 5 s; then come a claim each second, and a busy machine. */
const TAKEOVER_MS = 60_000

async function openReplica(url: string): Promise<Journal> {
  const journal = await openSqlJournal({ url, replica: { id: 'test' }, log: silent })
  onTestFinished(() => journal.close())
  return journal
}

const openIds = async (journal: Journal, host = a) => (await journal.open(host, null, 1000)).map(({ eventId }) => eventId)

/** A replica in another process; `ask` says a word to it and gives its answer. */
async function startChild(url: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child-replica.ts'), url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  expect(await next()).toBe('ready')
  const ask = (word: string) => {
    child.stdin.write(`${word}\n`)
    return next()
  }
  return { ask, signal: (name: NodeJS.Signals) => child.kill(name) }
}

/** Claims each second, as a service does, until a host is among them; gives the milliseconds that it took. */
async function claimUntil(journal: Journal, host: string): Promise<number> {
  const start = performance.now()
  await expect.poll(() => journal.claim(), { timeout: TAKEOVER_MS, interval: 1000 }).toContain(host)
  return performance.now() - start
}

function describeReplicas(name: string, database: Database | undefined): void {
  describeOn(database ?? null, `replicas over one journal in ${name}`, ({ createDatabase }) => {
    const newUrl = async () => (await createDatabase()).url

    it('make their own deliveries, and tell of all', async () => {
      const url = await newUrl()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const [first, second] = [decided(['a']), decided(['a'])]
      await one.commit(submission([first]))
      await other.commit(submission([second]))
      expect(await openIds(one)).toEqual([first.id])
      expect(await openIds(other)).toEqual([second.id])
      expect((await one.search({ limit: 10, order: 'oldest' })).map(({ id }) => id)).toEqual([first.id, second.id])
      expect(await other.host(a)).toMatchObject({ pending: 2 })
      expect([await one.claim(), await other.claim()]).toEqual([[], []])
    })

    it('take over what another one has parked, and what waits for a server of which any of them accepts an event', async () => {
      const url = await newUrl()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const untilUs = (Date.now() + 3_600_000) * 1000
      const parked = () => ({ ...decided([]), outcome: { kind: 'parked', code: 422, untilUs } as const })
      const [left, early] = [parked(), parked()]
      await one.commit(submission([left, early]))
      expect(await other.parked(null, 10)).toEqual([])
      expect(await other.expireParked(untilUs)).toBeNull()
      const late = decided(['a'], { serverId: early.event.serverId })
      expect(await other.commit(submission([late]))).toEqual([{ eventId: late.id, host: a, kind: 'untold' }])
      expect(await openIds(other)).toEqual([early.id, late.id])
      expect((await one.parked(null, 10)).map(({ eventId }) => eventId)).toEqual([left.id])
      const before = other.takeovers()
      await one.close()
      await expect.poll(() => other.claim().then(() => other.takeovers()), { timeout: TAKEOVER_MS }).toBe(before + 1)
      expect((await other.parked(null, 10)).map(({ eventId }) => eventId)).toEqual([left.id])
    })

    it('bring along what another one has for a host that the server has left', async () => {
      const url = await newUrl()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const [old, stays] = [decided(['a']), decided(['a'])]
      await one.commit(submission([old, stays]))
      const next = decided(['b'], { serverId: old.event.serverId })
      expect(await other.commit(submission([next]))).toEqual([{ eventId: next.id, host: b, kind: 'untold' }])
      expect(await openIds(one)).toEqual([stays.id])
      expect(await openIds(other, b)).toEqual([old.id, next.id])
    })

    it('record steps of their own deliveries only, and acknowledgements of any', async () => {
      const url = await newUrl()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const event = decided(['a'])
      await one.commit(submission([event]))
      const about = { host: a, eventId: event.id, atUs: 1 }
      expect(await other.record([{ kind: 'failed', reason: 'not mine', ...about }])).toBe(0)
      expect(await other.acknowledge(a, [event.id], 2)).toEqual({ ended: [event.id], unknown: [] })
      expect(await one.record([{ kind: 'returned', reason: 'too late', ...about }])).toBe(0)
      expect(await openIds(one)).toEqual([])
    })

    it('pass on what would overtake an earlier delivery of the same server and host, however it comes about', async () => {
      const url = await newUrl()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const [about, abroad] = [{ serverId: newServerId() }, { serverId: newServerId() }]
      const [first, second, elsewhere] = [decided(['a'], about), decided(['a'], about), decided(['a'])]
      expect(await one.commit(submission([first]))).toEqual([])
      const passed = await other.commit(submission([second, elsewhere]))
      expect(passed).toEqual<readonly PassedOn[]>([{ eventId: second.id, host: a, kind: 'elsewhere' }])
      expect(await openIds(other)).toEqual([elsewhere.id])
      // Its owner takes the next, and does not know of the second yet.
      const third = decided(['a'], about)
      expect(await one.commit(submission([third]))).toEqual([{ eventId: third.id, host: a, kind: 'untold' }])
      expect(await one.claim()).toEqual([a])
      expect(await one.claim()).toEqual([])
      expect(await openIds(one)).toEqual([first.id, second.id, third.id])

      // What has come from another host stands before what is accepted later.
      const moved = decided(['c'], abroad)
      expect(await other.commit(submission([moved]))).toEqual([])
      const gone = { kind: 'moved', host: hostName('c'), eventId: moved.id, atUs: 1, serverId: abroad.serverId } as const
      expect(await other.record([{ ...gone, to: [{ host: a, cell: null }] }])).toBe(1)
      const behind = decided(['a'], abroad)
      expect(await one.commit(submission([behind]))).toEqual([{ eventId: behind.id, host: a, kind: 'elsewhere' }])
      expect(await other.claim()).toEqual([a])
      expect(await openIds(other)).toEqual([elsewhere.id, moved.id, behind.id])

      await one.acknowledge(a, [first.id, second.id, third.id, moved.id, behind.id], 1)
      expect(await other.commit(submission([decided(['a'], about)]))).toEqual([])
    })

    it('take over what a closed one left, at once, each host by one of them', async () => {
      const url = await newUrl()
      const left = await openReplica(url)
      const hosts = Array.from({ length: 20 }, (_, i) => `host-${i}`)
      for (const host of hosts) await left.commit(submission([decided([host]), decided([host])]))
      const replicas = await Promise.all(Array.from({ length: 4 }, () => openReplica(url)))
      await left.close()
      const claims = await Promise.all(replicas.map((each) => each.claim()))
      expect(claims.flat().sort()).toEqual(hosts.toSorted())
      for (const [i, replica] of replicas.entries()) {
        for (const host of claims[i] ?? []) expect(await openIds(replica, host)).toHaveLength(2)
      }
    })

    it('take over what a killed one left within seconds, and what was passed on to it meanwhile', async () => {
      const url = await newUrl()
      const [heir, third] = [await openReplica(url), await openReplica(url)]
      const child = await startChild(url)
      const [{ eventId, event } = { eventId: null, event: undefined }] = (await heir.search({ limit: 1 })).map((each) => ({
        eventId: each.id,
        event: each.event,
      }))
      child.signal('SIGKILL')
      const late = decided(['of-child'], { serverId: event?.serverId ?? newServerId() })
      expect(await third.commit(submission([late]))).toEqual([{ eventId: late.id, host: ofChild, kind: 'elsewhere' }])
      expect(await claimUntil(heir, ofChild)).toBeLessThan(TAKEOVER_MS)
      const ids = await openIds(heir, ofChild)
      expect(ids).toHaveLength(101)
      expect(ids.at(-1)).toBe(late.id)
      expect(ids).toContain(eventId)
      expect(await openIds(third, ofChild)).toEqual([])
    })

    it('are not taken for dead by a clock alone: a database may go on with that of another machine', async () => {
      const url = await newUrl()
      const [one, other] = [await openReplica(url), await openReplica(url)]
      const event = decided(['a'])
      await one.commit(submission([event]))
      // Only who was in touch for so long judges others.
      const end = performance.now() + 6000
      while (performance.now() < end) {
        expect(await other.claim()).toEqual([])
        await sleep(500)
      }
      await askDatabase(url)('UPDATE heartbeats SET seen_at = seen_at - 60000000')
      expect(await other.claim()).toEqual([])
      expect(await openIds(one)).toEqual([event.id])
    })

    it('are taken for dead while they stall, notice it, and leave alone what is not theirs any more', async () => {
      const url = await newUrl()
      const heir = await openReplica(url)
      const child = await startChild(url)
      expect(await child.ask('open')).toBe('100')
      child.signal('SIGSTOP')
      await claimUntil(heir, ofChild)
      child.signal('SIGCONT')
      expect(await child.ask('record')).toBe('0')
      expect(await child.ask('open')).toBe('0')
      expect(await openIds(heir, ofChild)).toHaveLength(100)
    })

    it('leave nothing to nobody when they stall and go on in the middle of commits', async () => {
      const url = await newUrl()
      const heir = await openReplica(url)
      const child = await startChild(url)
      await child.ask('load')
      await sleep(1000)
      child.signal('SIGSTOP')
      await claimUntil(heir, ofChild)
      child.signal('SIGCONT')
      await expect.poll(() => child.ask('open'), { timeout: TAKEOVER_MS, interval: 200 }).not.toBe('0')
      child.signal('SIGKILL')
      await claimUntil(heir, ofChild)
      const { pending } = (await heir.host(ofChild)) ?? { pending: 0 }
      expect(pending).toBeGreaterThan(100)
      expect(await heir.open(ofChild, null, 1_000_000)).toHaveLength(pending)
      expect(await heir.search({ limit: 1_000_000 })).toHaveLength(pending)
    })
  })
}

const stand = await useStand('mariadb', 'postgresql')
describeReplicas('MariaDB', stand?.mariadb)
describeReplicas('PostgreSQL', stand?.postgresql)
