import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Delivery, Receipt } from '../sdk/index.ts'
import { createLanes } from './agent-lanes.ts'

/** Delivery number `n` of a server; ids sort by number. */
const delivery = (n: number, server = 'a', attempt = 1): Delivery => ({
  id: String(n).padStart(6, '0'),
  server_uuid: server,
  name: 'network-changed',
  status: 'completed',
  tag: null,
  request_id: 'req-1',
  global_request_id: null,
  accepted_at: '2026-11-24T10:00:00.000000Z',
  attempt,
})

/** Lanes whose deliveries end when the test says so. */
function open(concurrency = 10) {
  const started: string[] = []
  const handled: string[] = []
  const ends = new Map<string, (receipt: Receipt | null) => void>()
  const lanes = createLanes({
    concurrency,
    handle: ({ id }) => {
      started.push(id)
      return new Promise((resolve) => ends.set(id, resolve))
    },
    onHandled: ({ id }) => handled.push(id),
  })
  const end = async (n: number, wentWell = true) => {
    ends.get(delivery(n).id)?.(wentWell ? { id: delivery(n).id, result: 'applied' } : null)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const ids = (...numbers: number[]) => numbers.map((n) => delivery(n).id)
  return { lanes, started, handled, end, ids }
}

describe('lanes', () => {
  it('deal with one server in order and with others beside it', async () => {
    const { lanes, started, handled, end, ids } = open()
    for (const each of [delivery(1), delivery(2), delivery(3, 'b')]) lanes.add(each)
    expect(started).toEqual(ids(1, 3))
    await end(1)
    expect(started).toEqual(ids(1, 3, 2))
    await end(2)
    expect(handled).toEqual(ids(1, 2))
  })

  it('never run more than they may', async () => {
    const { lanes, started, end, ids } = open(2)
    for (const n of [1, 2, 3]) lanes.add(delivery(n, `server-${n}`))
    expect(started).toEqual(ids(1, 2))
    await end(2)
    expect(started).toEqual(ids(1, 2, 3))
  })

  it('leave out repeats of what runs or waits, and acknowledge again what was dealt with', async () => {
    const { lanes, started, handled, end, ids } = open()
    for (const each of [delivery(1), delivery(2), delivery(1, 'a', 2), delivery(2, 'a', 2)]) lanes.add(each)
    await end(1)
    await end(2)
    lanes.add(delivery(1, 'a', 3))
    expect(started).toEqual(ids(1, 2))
    expect(handled).toEqual(ids(1, 2, 1))
  })

  it('let nothing of a server pass one that failed, until it comes again', async () => {
    const { lanes, started, handled, end, ids } = open()
    for (const n of [1, 2]) lanes.add(delivery(n))
    await end(1, false)
    lanes.add(delivery(3))
    expect(started).toEqual(ids(1))
    for (const n of [1, 2, 3]) lanes.add(delivery(n, 'a', 2))
    for (const n of [1, 2, 3]) await end(n)
    expect(started).toEqual(ids(1, 1, 2, 3))
    expect(handled).toEqual(ids(1, 2, 3))
  })

  it('go on when the failed one does not come again before those behind it', async () => {
    const { lanes, started, end, ids } = open()
    for (const n of [1, 2]) lanes.add(delivery(n))
    await end(1, false)
    lanes.add(delivery(2, 'a', 2))
    expect(started).toEqual(ids(1, 2))
  })

  it('stop with what runs, and start nothing more', async () => {
    const { lanes, started, handled, end, ids } = open()
    for (const n of [1, 2]) lanes.add(delivery(n))
    let stopped = false
    const stopping = lanes.stop().then(() => {
      stopped = true
    })
    lanes.add(delivery(3, 'b'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(stopped).toBe(false)
    await end(1)
    await stopping
    expect(started).toEqual(ids(1))
    expect(handled).toEqual(ids(1))
  })

  it('keep the order of every server whatever fails, against a service that sends again in order', async () => {
    const scenario = fc.record({
      servers: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 20 }),
      failures: fc.array(fc.boolean(), { maxLength: 30 }),
      concurrency: fc.integer({ min: 1, max: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ servers, failures, concurrency }) => {
        const open = new Map(servers.map((server, n) => [delivery(n).id, delivery(n, server)]))
        const order = new Map<string, string[]>()
        let tries = 0
        const lanes = createLanes({
          concurrency,
          handle: async ({ id, server_uuid }) => {
            await new Promise((resolve) => setImmediate(resolve))
            if (failures[tries++] === true) return null
            order.set(server_uuid, [...(order.get(server_uuid) ?? []), id])
            return { id, result: 'applied' }
          },
          onHandled: ({ id }) => open.delete(id),
        })
        for (let attempt = 1; open.size > 0; attempt++) {
          expect(attempt).toBeLessThan(100)
          for (const each of [...open.values()]) lanes.add({ ...each, attempt })
          for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve))
        }
        for (const ids of order.values()) expect(ids).toEqual([...new Set(ids)].sort())
        expect([...order.values()].flat().length).toBe(servers.length)
      }),
      { numRuns: 200 },
    )
  })
})
