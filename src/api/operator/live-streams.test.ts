import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHappenings } from '../../observe/happenings.ts'
import { createLiveStreams } from './live-streams.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A stream of nothing but heartbeats, with a reader that takes what the test lets it take. */
function follow() {
  const reader = { isFull: false, isEnded: false, drain: () => {} }
  const live = createLiveStreams({
    happenings: createHappenings(),
    journal: { event: async () => null },
    heartbeatMs: 1000,
    stallMs: 3000,
  })
  live.follow(
    {
      write: () => !reader.isFull,
      onDrain: (listener) => {
        reader.drain = () => {
          reader.isFull = false
          listener()
        }
      },
      onClose: () => {},
      end: () => {
        reader.isEnded = true
      },
    },
    {},
  )
  return reader
}

describe('a live stream', () => {
  it('ends where its reader has taken nothing for too long', () => {
    const reader = follow()
    reader.isFull = true
    vi.advanceTimersByTime(3000)
    expect(reader.isEnded).toBe(false)
    vi.advanceTimersByTime(2000)
    expect(reader.isEnded).toBe(true)
  })

  it('goes on where a slow one takes something now and then', () => {
    const reader = follow()
    for (let i = 0; i < 5; i++) {
      reader.isFull = true
      vi.advanceTimersByTime(2000)
      reader.drain()
    }
    expect(reader.isEnded).toBe(false)
  })
})
