import type { ServerResponse } from 'node:http'
import type { StreamSink } from '../../cast/stream/stream-caster.ts'

/** How long a reader may take over what is left when its stream ends. */
const CUT_OFF_MS = 1000

const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would gather it.
  'x-accel-buffering': 'no',
}

/** A response that goes on as Server-Sent Events (WHATWG HTML, 9.2): its head is sent, the rest is the caller's. */
export function openEventStream(response: ServerResponse): StreamSink {
  const isOver = () => response.destroyed || response.writableEnded
  response.on('error', () => {})
  response.writeHead(200, HEAD)
  response.flushHeaders()
  return {
    write: (text) => isOver() || response.write(text),
    onDrain: (listener) => response.on('drain', listener),
    onClose: (listener) => {
      if (response.closed || response.destroyed) listener()
      else response.once('close', listener)
    },
    end: () => {
      if (isOver()) return
      response.end()
      const cut = setTimeout(() => response.destroy(), CUT_OFF_MS).unref()
      response.once('close', () => clearTimeout(cut))
    },
  }
}

/** A message of a stream. */
export function renderMessage(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
