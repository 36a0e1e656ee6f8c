import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { EventId, HostName } from '../events/event.ts'
import type { DeliveryStep } from '../journal/journal.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { createHappenings } from '../observe/happenings.ts'
import { createLog } from '../observe/log.ts'
import { createMetrics } from '../observe/prometheus.ts'
import { createRecorder } from './recorder.ts'

const host = 'compute-1' as HostName
const step = (): DeliveryStep => ({ kind: 'dispatched', isEnd: true, host, eventId: uuidv7() as EventId, atUs: 1 })

/** A recorder whose journal notes what it is given. */
function start() {
  const calls: (readonly DeliveryStep[])[] = []
  const recorder = createRecorder({
    journal: {
      record: async (steps) => {
        calls.push(steps)
        return steps.length
      },
    },
    metrics: createMetrics(),
    happenings: createHappenings(),
    log: createLog({ level: 'silent' }),
    gatherMs: { soon: 5, leisurely: 25 },
  })
  return { recorder, calls }
}

describe('how long steps are gathered', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('is longer where nothing waits for them', async () => {
    const { recorder, calls } = start()
    const steps = [step(), step()]
    recorder.record(steps.slice(0, 1), undefined, 'leisurely')
    await vi.advanceTimersByTimeAsync(20)
    recorder.record(steps.slice(1), undefined, 'leisurely')
    await vi.advanceTimersByTimeAsync(4)
    expect(calls).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(calls).toEqual([steps])
  })

  it('is as long as the most urgent allows; what came before goes along, in order', async () => {
    const { recorder, calls } = start()
    const steps = [step(), step(), step()]
    const durable: string[] = []
    recorder.record(steps.slice(0, 1), () => durable.push('first'), 'leisurely')
    recorder.record(steps.slice(1, 2), () => durable.push('second'))
    recorder.record(steps.slice(2), () => durable.push('third'), 'leisurely')
    await vi.advanceTimersByTimeAsync(5)
    expect(calls).toEqual([steps])
    expect(durable).toEqual(['first', 'second', 'third'])
    await vi.advanceTimersByTimeAsync(100)
    expect(calls).toHaveLength(1)
  })

  it('ends when the recorder is closed', async () => {
    const { recorder, calls } = start()
    const only = step()
    recorder.record([only], undefined, 'leisurely')
    await recorder.close(1000)
    expect(calls).toEqual([[only]])
  })
})
