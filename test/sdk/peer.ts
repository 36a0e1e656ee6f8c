import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { createPorts } from '../stand/ports.ts'

/** A request as a peer got it, and its answer to write. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The body, read to its end. */
  readonly body: () => Promise<string>
  /** Answers with JSON. */
  readonly json: (status: number, value: unknown, headers?: Record<string, string>) => void
}

/** Starts a real HTTP server that answers as the script says; it is closed when the test ends. Resolves with its URL. */
export async function startPeer(script: (exchange: Exchange) => unknown): Promise<string> {
  const server = createServer(async (request, response) => {
    const json: Exchange['json'] = (status, value, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(value))
    }
    await script({ request, response, body: () => text(request), json })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${portOf(server.address())}`
}

/** The port that a server listens on. */
export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new TypeError('not listening on a port')
  return address.port
}

/** A port where nothing listens, and where nothing of this process or the system's will. */
export const freePort = createPorts()

/** Everything that an iterator gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
