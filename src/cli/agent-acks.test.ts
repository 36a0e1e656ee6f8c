import { describe, expect, it } from 'vitest'
import { ApiError, ConnectionError } from '../sdk/index.ts'
import { createAcks } from './agent-acks.ts'

const applied = (id: string) => ({ id, result: 'applied' }) as const
const unexpected = (error: unknown) => expect.unreachable(`refused: ${error}`)

describe('acknowledgements', () => {
  it('of one moment travel together, five hundred at a time, one request after another', async () => {
    const sent: number[] = []
    let underWay = 0
    const acks = createAcks({
      send: async (receipts) => {
        expect(++underWay).toBe(1)
        await new Promise((resolve) => setImmediate(resolve))
        underWay--
        sent.push(receipts.length)
      },
      onRefused: unexpected,
    })
    for (let i = 0; i < 2500; i++) acks.add(applied(String(i)))
    expect(await acks.finish(1000)).toBe(true)
    expect(sent).toEqual([500, 500, 500, 500, 500])
  })

  it('are sent again while the service is away', async () => {
    const answers = [new ConnectionError('gone'), new ApiError(503, 'serviceUnavailable', 'disk full', null), null]
    const sent: (readonly string[])[] = []
    const acks = createAcks({
      send: async (receipts) => {
        sent.push(receipts.map(({ id }) => id))
        const answer = answers.shift()
        if (answer instanceof Error) throw answer
      },
      onRefused: unexpected,
    })
    acks.add(applied('1'))
    expect(await acks.finish(10_000)).toBe(true)
    expect(sent).toEqual([['1'], ['1'], ['1']])
  })

  it('that are refused are told and dropped', async () => {
    const refused: unknown[] = []
    const acks = createAcks({
      send: async () => {
        throw new ApiError(403, 'forbidden', 'no', null)
      },
      onRefused: (error) => refused.push(error),
    })
    acks.add(applied('1'))
    expect(await acks.finish(1000)).toBe(true)
    expect(refused).toHaveLength(1)
  })

  it('are given up when the time is over', async () => {
    const acks = createAcks({
      send: async () => {
        throw new ConnectionError('gone')
      },
      onRefused: unexpected,
    })
    acks.add(applied('1'))
    expect(await acks.finish(50)).toBe(false)
  })
})
