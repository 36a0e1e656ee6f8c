import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSseParser, type SseItem } from './sse.ts'

const parse = (...pieces: string[]): SseItem[] => {
  const push = createSseParser()
  return pieces.flatMap((piece) => push(piece))
}
const message = (data: string, event = 'message', lastEventId = ''): SseItem => ({ kind: 'message', event, data, lastEventId })

describe('an event stream', () => {
  it('gives the examples of the standard as the standard says', () => {
    expect(parse('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual([message('YHOO\n+2\n10')])
    expect(parse(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n')).toEqual([
      message('first event', 'message', '1'),
      message('second event'),
      message(' third event'),
    ])
    expect(parse('data\n\ndata\ndata\n\ndata:')).toEqual([message(''), message('\n')])
    expect(parse('data:test\n\ndata: test\n\n')).toEqual([message('test'), message('test')])
  })

  it('has events with names, ids that last, and unknown fields that do not matter', () => {
    expect(parse('event: add\nid: 7\nsize: 3\ndata: x\n\ndata: y\n\n')).toEqual([
      message('x', 'add', '7'),
      message('y', 'message', '7'),
    ])
  })

  it('keeps the id of a message without data, but not its name', () => {
    expect(parse('event: add\nid: 7\n\ndata: y\n\n')).toEqual([message('y', 'message', '7')])
  })

  it('leaves out an id with a NUL and a retry that is no number', () => {
    expect(parse('id: a\0b\nretry: 5s\nretry: 1000\ndata: y\n\n')).toEqual([{ kind: 'retry', ms: 1000 }, message('y')])
  })

  it('completes a message at a CR at once and takes the LF of the next piece with it', () => {
    const push = createSseParser()
    expect(push('data: x\r')).toEqual([])
    expect(push('\n\r')).toEqual([message('x')])
    expect(push('')).toEqual([])
    expect(push('\n')).toEqual([])
    expect(push('data: y\r\r')).toEqual([message('y')])
  })

  it('drops what a cut-off stream left incomplete', () => {
    expect(parse('data: x\n\ndata: y\n')).toEqual([message('x')])
  })

  it('reads the same however it is cut and whichever line ends it has', () => {
    const line = fc.constantFrom(
      'data: a b',
      'data',
      'data:é',
      ': comment',
      'event: e',
      'id: 1',
      'id',
      'retry: 3',
      'x: y',
      '',
      '',
    )
    const end = fc.constantFrom('\n', '\r', '\r\n')
    fc.assert(
      fc.property(fc.array(line), end, fc.array(fc.nat(20)), (lines, lineEnd, cuts) => {
        const whole = `${lines.join('\n')}\n\n`
        const text = whole.replaceAll('\n', lineEnd)
        const pieces: string[] = []
        let from = 0
        for (const cut of cuts) {
          pieces.push(text.slice(from, from + cut))
          from += cut
        }
        expect(parse(...pieces, text.slice(from))).toEqual(parse(whole))
      }),
      { numRuns: 2000 },
    )
  })

  it('reads a long line that comes in small pieces in a time that grows with its length', () => {
    const push = createSseParser()
    const started = performance.now()
    push('data: ')
    for (let i = 0; i < 20_000; i++) push('x'.repeat(100))
    const [item] = push('\n\n')
    expect(item?.kind === 'message' && item.data.length).toBe(2_000_000)
    expect(performance.now() - started).toBeLessThan(3000)
  })
})
