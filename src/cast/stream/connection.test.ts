import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openConnection } from './connection.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A connection with a reader that takes what the test lets it take. */
function open() {
  const reader = {
    text: '',
    isFull: false,
    isEnded: false,
    gone: 0,
    drain: () => {},
    close: () => {},
  }
  const connection = openConnection({
    sink: {
      write: (text) => {
        reader.text += text
        return !reader.isFull
      },
      onDrain: (listener) => {
        reader.drain = () => {
          reader.isFull = false
          listener()
        }
      },
      onClose: (listener) => {
        reader.close = listener
      },
      end: () => {
        reader.isEnded = true
      },
    },
    ...{ heartbeatMs: 1000, stallMs: 3000 },
    onGone: () => void reader.gone++,
  })
  reader.text = ''
  const sent: string[] = []
  const send = (text: string) => connection.send(text, (isWritten) => sent.push(`${text} ${isWritten}`))
  return { connection, reader, send, sent }
}

describe('a connection', () => {
  it('writes at once while the reader takes it, and then as it does, in order', () => {
    const { reader, send, sent } = open()
    send('a')
    reader.isFull = true
    for (const text of ['b', 'c', 'd']) send(text)
    expect([reader.text, sent]).toEqual(['ab', ['a true', 'b true']])
    reader.drain()
    send('e')
    expect([reader.text, sent.at(-1)]).toEqual(['abcde', 'e true'])
  })

  it('says that it is alive, but not to a reader that takes nothing', () => {
    const { reader } = open()
    vi.advanceTimersByTime(2500)
    expect(reader.text).toBe(': alive\n\n'.repeat(2))
    reader.isFull = true
    vi.advanceTimersByTime(2000)
    expect(reader.text).toBe(': alive\n\n'.repeat(3))
  })

  it('gives up a reader that takes nothing for too long, and tells what was not written', () => {
    const { connection, reader, send, sent } = open()
    reader.isFull = true
    send('a')
    send('b')
    vi.advanceTimersByTime(4000)
    expect([reader.isEnded, connection.isGone, reader.gone]).toEqual([true, true, 1])
    expect(sent).toEqual(['a true', 'b false'])
    send('c')
    expect(sent.at(-1)).toBe('c false')
    reader.close()
    expect(reader.gone).toBe(1)
  })

  it('ends with its last words', () => {
    const { connection, reader } = open()
    connection.end('bye')
    connection.end('bye')
    expect([reader.text, reader.isEnded, reader.gone]).toEqual(['bye', true, 1])
    vi.advanceTimersByTime(5000)
    expect(reader.text).toBe('bye')
  })
})
