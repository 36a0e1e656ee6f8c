import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createPorts } from '../stand/ports.ts'

/** A way to a database that a test can block: silent (nothing passes, nothing ends) or down (connections are refused). */
export interface StallingProxy {
  readonly port: number
  /** From now on nothing passes in either direction. */
  stall(): void
  /** Passes all on again; what was held back too. */
  flow(): void
  /** Ends every connection; new ones are taken. */
  cut(): void
  /** Ends every connection, and takes no more. */
  down(): Promise<void>
  /** Takes connections again. */
  up(): Promise<void>
  close(): Promise<void>
}

const freePort = createPorts()

export async function createStallingProxy(target: { readonly host: string; readonly port: number }): Promise<StallingProxy> {
  const sockets = new Set<Socket>()
  let stalled = false
  const server = createServer({ pauseOnConnect: true }, (client) => {
    const database = connect(target.port, target.host)
    for (const socket of [client, database]) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket)
          client.destroy()
          database.destroy()
        })
    }
    client.on('data', (chunk) => database.write(chunk))
    database.on('data', (chunk) => client.write(chunk))
    if (stalled) database.pause()
    else client.resume()
  })
  const port = await freePort()
  const listen = async () => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const down = () =>
    new Promise<void>((resolve) => {
      cut()
      if (server.listening) server.close(() => resolve())
      else resolve()
    })
  return {
    port,
    stall: () => {
      stalled = true
      for (const socket of sockets) socket.pause()
    },
    flow: () => {
      stalled = false
      for (const socket of sockets) socket.resume()
    },
    cut,
    down,
    up: listen,
    close: down,
  }
}
