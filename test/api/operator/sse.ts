import { type IncomingMessage, request } from 'node:http'
import { createSseParser } from '../../../src/sdk/sse.ts'

/** A stream of Server-Sent Events that is read as far as the test asks. */
export interface Stream {
  readonly isOpen: Promise<IncomingMessage>
  readonly isOver: Promise<void>
  /** The data of the next message, which is to be of this kind; heartbeats and `retry` are passed over. */
  next(event: string): Promise<unknown>
  /** The next message, whatever it is. */
  any(): Promise<{ readonly event: string; readonly data: unknown }>
  close(): Promise<void>
}

/** Opens a stream as an administrator. Nothing is read from the connection before it is asked for. */
export function openStream(url: string, path: string): Stream {
  const asked = request(`${url}${path}`, { headers: { 'x-auth-token': 'admin:admin' }, agent: false })
  const isOpen = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', (response) =>
      response.statusCode === 200 ? resolve(response) : reject(new Error(`${response.statusCode}`)),
    )
    asked.on('error', reject)
  })
  const isOver = isOpen.then((response) => new Promise<void>((resolve) => response.once('close', resolve)))
  asked.end()
  const messages = readMessages(isOpen)
  const any = async () => {
    const { value, done } = await messages.next()
    if (done === true) throw new Error('the stream is over')
    return value
  }
  return {
    isOpen,
    isOver,
    any,
    next: async (event) => {
      const message = await any()
      if (message.event !== event) throw new Error(`expected ${event}, got ${JSON.stringify(message)}`)
      return message.data
    },
    close: async () => {
      asked.destroy()
      await isOver
    },
  }
}

async function* readMessages(isOpen: Promise<IncomingMessage>): AsyncGenerator<{ event: string; data: unknown }, void> {
  const parse = createSseParser()
  const response = await isOpen
  response.setEncoding('utf8')
  for await (const piece of response.iterator({ destroyOnReturn: false }))
    for (const item of parse(piece)) if (item.kind === 'message') yield { event: item.event, data: JSON.parse(item.data) }
}
