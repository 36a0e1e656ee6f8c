import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { EventId } from '../../../src/events/event.ts'
import type { DecidedEvent, Submission } from '../../../src/journal/journal.ts'
import { decided, hostName, newServerId, submission } from '../../journal/journal-file.ts'
import { type RunningApi, startApi } from './running-api.ts'
import { openStream, type Stream } from './sse.ts'

const PATH = '/novacast/v1/events/stream'
const AT_US = Date.UTC(2026, 10, 24) * 1000
const AT = '2026-11-24T00:00:00.000000Z'

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

async function watch(query = ''): Promise<Stream> {
  const stream = openStream(api.url, `${PATH}${query}`)
  onTestFinished(() => stream.close())
  await stream.isOpen
  return stream
}

/** Commits and tells, as the API of senders does. */
async function accept(...events: readonly DecidedEvent[]): Promise<Submission> {
  const accepted = submission(events)
  await api.journal.commit(accepted)
  api.happenings.tell({ kind: 'accepted', submission: accepted })
  return accepted
}

function tellStep(
  kind: 'dispatched' | 'acknowledged' | 'returned' | 'expired' | 'failed' | 'moved',
  host: string,
  ...eventIds: EventId[]
) {
  api.happenings.tell({ kind, host: hostName(host), eventIds, atUs: AT_US })
}

describe('the live stream', () => {
  it('tells of every happening in order, events as the journal tells them', async () => {
    const stream = await watch()
    const [event, refused] = [decided(['h', 'i'], { tag: 'port-a' }), decided([])]
    await accept(event, refused)
    expect(await stream.next('accepted')).toEqual((await api.ask('GET', `/novacast/v1/events/${event.id}`)).body)
    expect(await stream.next('accepted')).toEqual((await api.ask('GET', `/novacast/v1/events/${refused.id}`)).body)
    for (const kind of ['dispatched', 'returned', 'acknowledged', 'expired', 'failed', 'moved'] as const) {
      tellStep(kind, 'h', event.id)
      expect(await stream.next(kind)).toEqual({ id: event.id, host: 'h', at: AT })
    }
  })

  it('tells what a host says of a delivery', async () => {
    const stream = await watch()
    const [applied, failed] = [decided(['h']), decided(['h'])]
    await accept(applied, failed)
    for (const { id } of [applied, failed]) expect(await stream.next('accepted')).toMatchObject({ id })
    await api.client.hosts.report('h', [
      { id: applied.id, result: 'applied' },
      { id: failed.id, result: 'failed', reason: 'no such port' },
    ])
    expect(await stream.next('acknowledged')).toMatchObject({ id: applied.id, receipt: { result: 'applied', reason: null } })
    expect(await stream.next('failed')).toMatchObject({ id: failed.id, receipt: { result: 'failed', reason: 'no such port' } })
  })

  it('tells only of one server, name or host, of older events too', async () => {
    const [mine, other] = [newServerId(), newServerId()]
    const old = decided(['h'], { serverId: mine })
    const oldOther = decided(['h'], { serverId: other })
    await accept(old, oldOther)
    const streams = {
      server: await watch(`?server=${mine}`),
      name: await watch('?name=volume-extended'),
      host: await watch('?host=i'),
      both: await watch(`?host=i&server=${mine}`),
    }
    const events = [
      decided(['h'], { serverId: mine }),
      decided(['i'], { serverId: other, name: 'volume-extended' }),
      decided(['h', 'i'], { serverId: mine }),
    ] as const
    await accept(...events)
    tellStep('dispatched', 'h', old.id, oldOther.id, events[0].id, events[2].id)
    tellStep('dispatched', 'i', events[1].id, events[2].id)
    const seen = async (stream: Stream, count: number) => {
      const told: unknown[] = []
      for (let i = 0; i < count; i++) {
        const { event, data } = await stream.any()
        told.push(`${event} ${(data as { id: string }).id}`)
      }
      return told
    }
    const [first, second, third] = events.map(({ id }) => id)
    expect(await seen(streams.server, 6)).toEqual([
      `accepted ${first}`,
      `accepted ${third}`,
      `dispatched ${old.id}`,
      `dispatched ${first}`,
      `dispatched ${third}`,
      `dispatched ${third}`,
    ])
    expect(await seen(streams.name, 2)).toEqual([`accepted ${second}`, `dispatched ${second}`])
    expect(await seen(streams.host, 4)).toEqual([
      `accepted ${second}`,
      `accepted ${third}`,
      `dispatched ${second}`,
      `dispatched ${third}`,
    ])
    expect(await seen(streams.both, 2)).toEqual([`accepted ${third}`, `dispatched ${third}`])
  })

  it('tells a slow reader how much it missed, in its place, and holds nobody else up', async () => {
    const slow = await watch()
    const quick = await watch('?host=rare')
    const events = Array.from({ length: 100 }, () => decided(['often'], { tag: 'x'.repeat(200) }))
    const before = process.memoryUsage()
    const rounds = 300
    for (let i = 0; i < rounds; i++) {
      api.happenings.tell({ kind: 'accepted', submission: submission(events) })
      // Time to write.
      await new Promise((resolve) => setImmediate(resolve))
    }
    tellStep('failed', 'rare', events[0]?.id as EventId)
    expect(await quick.next('failed')).toMatchObject({ host: 'rare' })
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(20e6)

    let told = 0
    let dropped = 0
    let lastWords = 1
    for (;;) {
      const { event, data } = await slow.any()
      if (event === 'failed') break
      if (event === 'dropped') dropped += (data as { count: number }).count
      else told++
      // The queue stands behind what was dropped: room for the last word.
      if (event !== 'dropped') continue
      tellStep('failed', 'rare', events[0]?.id as EventId)
      lastWords++
    }
    expect(dropped).toBeGreaterThan(1000)
    // Last words may have been dropped too.
    expect(told + dropped).toBeGreaterThanOrEqual(rounds * events.length)
    expect(told + dropped).toBeLessThan(rounds * events.length + lastWords)
  })

  it('stops listening when its reader is gone', async () => {
    const stream = await watch()
    expect(api.happenings.isWatched).toBe(true)
    await stream.close()
    await expect.poll(() => api.happenings.isWatched, { timeout: 10_000 }).toBe(false)
  })

  it('ends when the service stops', async () => {
    const other = await startApi()
    const stream = openStream(other.url, PATH)
    await stream.isOpen
    const [ended] = await Promise.all([stream.any().catch((error: unknown) => String(error)), other.close()])
    expect(ended).toContain('the stream is over')
  })
})
