/** One thing out of an event stream: a message, or the server's word on how long to wait before reconnecting. */
export type SseItem =
  | {
      readonly kind: 'message'
      /** `message` where the stream names none. */
      readonly event: string
      readonly data: string
      /** The last id seen on the stream, this message's own included; empty where there was none. */
      readonly lastEventId: string
    }
  | { readonly kind: 'retry'; readonly ms: number }

/**
 * Reads Server-Sent Events as the WHATWG's HTML standard has them (9.2.6, "Interpreting an event stream"): pieces of text go in,
 * cut anywhere, and the items that each one completed come out. What a cut-off stream left incomplete is dropped, as the standard
 * says. The caller takes care of UTF-8 and of the byte order mark (`TextDecoder` does both).
 */
export function createSseParser(): (piece: string) => SseItem[] {
  let rest = ''
  let event = ''
  let data: string[] = []
  let lastEventId = ''
  let afterReturn = false

  /** One line: a field, a comment, or the empty line that completes a message. */
  const take = (line: string): SseItem | null => {
    if (line === '') {
      const item: SseItem = { kind: 'message', event: event || 'message', data: data.join('\n'), lastEventId }
      const complete = data.length > 0
      event = ''
      data = []
      return complete ? item : null
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
    else if (field === 'id' && !value.includes('\0')) lastEventId = value
    else if (field === 'retry' && /^[0-9]+$/.test(value)) return { kind: 'retry', ms: Number(value) }
    return null
  }

  return (piece) => {
    // A CR ends its line at once; an LF that then comes first belongs to it.
    const fresh = afterReturn && piece.startsWith('\n') ? piece.slice(1) : piece
    if (piece !== '') afterReturn = piece.endsWith('\r')
    const ends = /\r\n?|\n/g
    const items: SseItem[] = []
    let start = 0
    for (let end = ends.exec(fresh); end !== null; end = ends.exec(fresh)) {
      const item = take(rest + fresh.slice(start, end.index))
      rest = ''
      if (item !== null) items.push(item)
      start = ends.lastIndex
    }
    rest += fresh.slice(start)
    return items
  }
}
