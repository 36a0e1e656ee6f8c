import { describe, expect, it } from 'vitest'
import type { HostName } from '../../events/event.ts'
import { createUnconfirmed } from './unconfirmed.ts'

/** A window with so many messages in it, sent at times 1, 2, …, and what is told of each. */
function windowOf(count: number, bytes = 10) {
  const told: string[] = Array.from({ length: count }, () => '-')
  const window = createUnconfirmed()
  for (let index = 0; index < count; index++) {
    const message = { host: 'h' as HostName, routingKey: 'compute.h', uniqueId: `id-${index + 1}`, body: Buffer.alloc(bytes) }
    const settle = ({ kind }: { kind: string }) => {
      told[index] = told[index] === '-' ? kind : 'told twice'
    }
    window.add({ message, settle }, index + 1)
  }
  return { window, told }
}

describe('the window of unconfirmed messages', () => {
  it('settles one tag, or all up to it, in whatever order they come', () => {
    const { window, told } = windowOf(5)
    window.answered(4, false, null)
    window.answered(2, true, null)
    expect(told).toEqual(['taken', 'taken', '-', 'taken', '-'])
    window.answered(5, true, null)
    expect(told).toEqual(['taken', 'taken', 'taken', 'taken', 'taken'])
    expect(window.size).toBe(0)
  })

  it('tells of those that were returned before their confirm, and of those that were refused', () => {
    const { window, told } = windowOf(4)
    window.returned('id-2')
    window.returned('not one of ours')
    window.returned(null)
    window.answered(3, true, null)
    window.answered(4, false, 'no')
    expect(told).toEqual(['taken', 'returned', 'taken', 'away'])
  })

  it('gives up on what waits for too long, and hears late answers without harm', () => {
    const { window, told } = windowOf(3)
    expect([window.hasOlderThan(1), window.hasOlderThan(2)]).toEqual([false, true])
    window.giveUp('late', 3)
    expect(told).toEqual(['away', 'away', '-'])
    window.answered(1, false, null)
    window.answered(3, true, null)
    expect(told).toEqual(['away', 'away', 'taken'])
  })

  it('is full at a number of messages, and at a number of bytes', () => {
    expect([windowOf(999).window.isFull, windowOf(1000).window.isFull]).toEqual([false, true])
    const { window } = windowOf(4, 4 * 2 ** 20)
    expect(window.isFull).toBe(true)
    window.answered(1, false, null)
    expect(window.isFull).toBe(false)
  })
})
