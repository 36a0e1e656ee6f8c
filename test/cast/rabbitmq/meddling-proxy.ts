import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What becomes of what one side says: a chunk in its place, or null: neither this chunk nor any later one is passed on. */
export type Meddle = (chunk: Buffer) => Buffer | null

/** A way to a broker that meddles with the first connection only. Closed when the test is over. Gives its port. */
export async function createMeddlingProxy(
  target: { readonly host: string; readonly port: number },
  { toBroker, toClient }: { readonly toBroker?: Meddle; readonly toClient?: Meddle },
): Promise<number> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    const broker = connect(target.port, target.host)
    const isFirst = connections++ === 0
    pass(client, broker, isFirst ? toBroker : undefined)
    pass(broker, client, isFirst ? toClient : undefined)
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          client.destroy()
          broker.destroy()
        })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function pass(from: Socket, to: Socket, meddle: Meddle = (chunk) => chunk): void {
  let isSilent = false
  from.on('data', (chunk) => {
    const passed = isSilent ? null : meddle(chunk)
    isSilent = passed === null
    if (passed !== null) to.write(passed)
  })
}
