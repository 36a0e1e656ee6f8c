import { setTimeout as sleep } from 'node:timers/promises'
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

/** A recorder whose journal notes what it is given, unless it is in trouble. */
function start() {
  const calls: (readonly DeliveryStep[])[] = []
  const trouble = { isOn: false, tries: 0 }
  const recorder = createRecorder({
    journal: {
      record: async (steps) => {
        await Promise.resolve()
        if (trouble.isOn) {
          trouble.tries++
          throw new Error('no room')
        }
        calls.push(steps)
        return steps.length
      },
    },
    metrics: createMetrics(),
    happenings: createHappenings(),
    log: createLog({ level: 'silent' }),
    gatherMs: { soon: 5, leisurely: 25 },
  })
  return { recorder, calls, trouble }
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

describe('a journal in trouble', () => {
  /** One step in a batch of its own, each. */
  const recordEach = async ({ recorder }: ReturnType<typeof start>, steps: readonly DeliveryStep[], onDurable: () => void) => {
    for (const each of steps) {
      recorder.record([each], onDurable)
      await sleep(6)
    }
  }

  it('is caught up with at once when it is over, in order, however much came meanwhile', async () => {
    const stage = start()
    const { recorder, calls, trouble } = stage
    trouble.isOn = true
    const steps = Array.from({ length: 100 }, step)
    let durable = 0
    await recordEach(stage, steps, () => durable++)
    expect([recorder.isBehind, calls]).toEqual([true, []])
    // Not one try for each batch.
    expect(trouble.tries).toBeLessThan(50)
    trouble.isOn = false
    await vi.waitFor(() => expect(durable).toBe(100), 10_000)
    expect(recorder.isBehind).toBe(false)
    expect(calls).toEqual([steps])
    recorder.record([step()])
    await vi.waitFor(() => expect(calls).toHaveLength(2), 10_000)
  })

  it('gets what it is behind with a few thousand at a time', async () => {
    const { recorder, calls, trouble } = start()
    trouble.isOn = true
    const steps = Array.from({ length: 12_000 }, step)
    recorder.record(steps.slice(0, 1))
    await vi.waitFor(() => expect(recorder.isBehind).toBe(true), 10_000)
    for (let i = 1; i < steps.length; i += 2000) {
      recorder.record(steps.slice(i, i + 2000))
      await sleep(10)
    }
    trouble.isOn = false
    await vi.waitFor(() => expect(recorder.isBehind).toBe(false), 10_000)
    expect(calls.length).toBeGreaterThan(1)
    expect(calls.flat()).toEqual(steps)
  })

  it('that lasts is not waited for longer than said when the recorder is closed', async () => {
    const { recorder, calls, trouble } = start()
    trouble.isOn = true
    recorder.record([step()])
    await recorder.close(100)
    expect(calls).toEqual([])
  })
})
