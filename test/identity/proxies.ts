import { once } from 'node:events'
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
  request as sendRequest,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { createPorts } from '../stand/ports.ts'

/** Listens on a port of its own, which it keeps while it is stopped; gone after the test. */
export interface Door {
  readonly port: number
  /** Refuses connections and ends those that are there. */
  stop(): Promise<void>
  start(): Promise<void>
}

const freePort = createPorts()

async function openDoor(server: Server): Promise<Door> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const port = await freePort()
  const start = async () => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await start()
  onTestFinished(stop)
  return { port, stop, start }
}

/** Something that answers HTTP in the place of Keystone, before a real one, or instead of it. */
export interface HttpDoor extends Door {
  readonly url: string
  /** `GET /v3/auth/tokens` and so on, in order. */
  readonly requests: string[]
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A peer of the test's own that answers as it is told. */
export async function openPeer(handle: Handler, tls?: { readonly key: string; readonly cert: string }): Promise<HttpDoor> {
  const requests: string[] = []
  const listener: Handler = (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handle(request, response)
  }
  const server: HttpServer = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  const door = await openDoor(server)
  return { ...door, requests, url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${door.port}` }
}

/** Hands everything on to the real Keystone there, and counts it. */
export function openProxy(target: string, tls?: { readonly key: string; readonly cert: string }): Promise<HttpDoor> {
  return openPeer((request, response) => passOn(target, request, response), tls)
}

/** Hands one request on. */
export function passOn(target: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url } = request
  const onward = sendRequest(new URL(url ?? '/', target), { ...(method === undefined ? {} : { method }), headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  request.pipe(onward)
}

/** Hands bytes on to `host:port`. */
export async function openTcpProxy(target: string): Promise<Door & { readonly address: string }> {
  const [host, port] = target.split(':')
  const door = await openDoor(
    createTcpServer((socket) => {
      const onward = connect(Number(port), host)
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.pipe(to)
        from.on('error', () => to.destroy())
        from.on('close', () => to.destroy())
      }
    }),
  )
  return { ...door, address: `127.0.0.1:${door.port}` }
}
