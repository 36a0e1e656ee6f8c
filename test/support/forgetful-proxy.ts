import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a service on which answers can be lost: the request arrives and is dealt with, and the connection breaks before its answer. */
export interface ForgetfulProxy {
  readonly url: string
  /** How many answers were lost. */
  readonly lost: number
  close(): void
}

/** Passes all on, but for the first answer to a POST on each of so many connections. */
export async function createForgetfulProxy(target: string, losses: number): Promise<ForgetfulProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let lost = 0
  const server = createServer((client) => {
    const service = connect(Number(port), hostname)
    let isPost = false
    for (const socket of [client, service]) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket)
          client.destroy()
          service.destroy()
        })
    }
    client.on('data', (chunk) => {
      isPost ||= chunk.toString('latin1').startsWith('POST ')
      service.write(chunk)
    })
    service.on('data', (chunk) => {
      if (!isPost || lost >= losses) return client.write(chunk)
      lost++
      return client.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lost() {
      return lost
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
