import type { StreamSink } from './stream-caster.ts'
import { GREETING, HEARTBEAT } from './wire.ts'

/** One client that follows one host. */
export interface Connection {
  readonly isGone: boolean
  /** Writes in the order of the calls, as the reader takes it. Calls back with whether it was written before the connection was gone. */
  send(text: string, done: (isWritten: boolean) => void): void
  /** Writes last words, where they can be, and ends. */
  end(lastWords: string): void
}

export interface ConnectionOptions {
  readonly sink: StreamSink
  readonly heartbeatMs: number
  /** A reader that takes nothing for so long counts as gone. */
  readonly stallMs: number
  /** Called once, when nothing can be sent any more. */
  readonly onGone: () => void
}

interface Waiting {
  readonly text: string
  readonly done: (isWritten: boolean) => void
}

/**
 * Begins the stream. What the sink does not take waits here, which is little: whoever sends has a window, and counts what waits in.
 */
export function openConnection({ sink, heartbeatMs, stallMs, onGone }: ConnectionOptions): Connection {
  let waiting: Waiting[] = []
  let isGone = false
  /** When the sink was last full, while it is. */
  let fullSinceMs: number | null = null

  const write = (text: string) => {
    if (!sink.write(text)) fullSinceMs ??= performance.now()
  }
  const leave = () => {
    if (isGone) return
    isGone = true
    clearInterval(heartbeat)
    const left = waiting
    waiting = []
    onGone()
    for (const { done } of left) done(false)
  }
  const drain = () => {
    fullSinceMs = null
    let sent = 0
    for (; sent < waiting.length && fullSinceMs === null; sent++) write((waiting[sent] as Waiting).text)
    for (const { done } of waiting.splice(0, sent)) done(true)
  }
  const beat = () => {
    if (fullSinceMs === null) write(HEARTBEAT)
    else if (performance.now() - fullSinceMs >= stallMs) {
      leave()
      sink.end()
    }
  }
  const heartbeat = setInterval(beat, heartbeatMs).unref()
  sink.onDrain(drain)
  write(GREETING)
  sink.onClose(leave)
  return {
    get isGone() {
      return isGone
    },
    send: (text, done) => {
      if (isGone) return done(false)
      if (fullSinceMs !== null || waiting.length > 0) return void waiting.push({ text, done })
      write(text)
      done(true)
    },
    end: (lastWords) => {
      if (!isGone && lastWords !== '') write(lastWords)
      leave()
      sink.end()
    },
  }
}
