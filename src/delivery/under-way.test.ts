import { describe, expect, it } from 'vitest'
import type { EventId, HostName, ServerId } from '../events/event.ts'
import type { Delivery } from '../journal/journal.ts'
import { UnderWay } from './under-way.ts'

const delivery = (id: string): Delivery => ({
  ...{ eventId: id as EventId, host: 'h' as HostName, cell: null, requestId: 'r', globalRequestId: null, receivedAtUs: 0 },
  event: { serverId: id.charAt(0) as ServerId, name: 'network-changed', status: 'completed', tag: null },
  ...{ sender: { userId: null, userName: null, projectId: null }, attempts: 0, tries: 0 },
})
const ids = (deliveries: readonly Delivery[]) => deliveries.map(({ eventId }) => eventId)

describe('deliveries under way', () => {
  it('are late with all that the host has of the same server', () => {
    const underWay = new UnderWay()
    underWay.add(['a3', 'b2'].map(delivery))
    for (const [id, dueMs] of [
      ['a1', 10],
      ['b1', 20],
      ['a2', 30],
      ['c1', 10],
    ] as const)
      underWay.awaitAcknowledgement(delivery(id), dueMs)
    underWay.delete('c1' as EventId)
    expect(underWay.nextDueMs()).toBe(10)
    // What is being cast is not there yet, and cannot be late.
    const late = underWay.takeLate(15)
    expect(ids(late.map((each) => each.delivery))).toEqual(['a1', 'a2'])
    expect(late.map(({ isCause }) => isCause)).toEqual([true, false])
    expect(underWay.nextDueMs()).toBe(20)
    expect(underWay.size).toBe(3)
  })

  it('are taken all at once, and told apart by whether the host has them', () => {
    const underWay = new UnderWay()
    underWay.add([delivery('a1')])
    underWay.awaitAcknowledgement(delivery('b1'), 5)
    const { all, unacknowledged } = underWay.takeAll()
    expect(ids(all)).toEqual(['a1', 'b1'])
    expect(ids(unacknowledged)).toEqual(['b1'])
    expect(underWay.size).toBe(0)
    expect(underWay.nextDueMs()).toBe(Number.POSITIVE_INFINITY)
  })
})
