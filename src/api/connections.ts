import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Who is connected, and what of that is being answered. */
export interface Connections {
  /** A request is answered from now on. */
  began(socket: Duplex, response: ServerResponse): void
  /** What is being answered on a connection, if anything. */
  answering(socket: Duplex): ServerResponse | undefined
  /** From now on each connection ends with its next answer, those under way included. */
  endWithNextAnswer(): void
  /** Resolves when none waits for its next request, or after so long. */
  idleGone(withinMs: number): Promise<void>
  /** Resolves when all is answered that is under way now; what takes longer is cut off. */
  answered(withinMs: number): Promise<void>
}

const LOOK_MS = 20

/** Follows the connections of this server. */
export function createConnections(server: Server): Connections {
  const open = new Set<Duplex>()
  /** The last request of each connection: several may be under way on one, answered in their order. */
  const last = new Map<Duplex, ServerResponse>()
  const underWay = new Set<ServerResponse>()
  let isEnding = false
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      last.delete(socket)
    })
  })
  return {
    began: (socket, response) => {
      if (isEnding) response.shouldKeepAlive = false
      last.set(socket, response)
      underWay.add(response)
      response.once('close', () => {
        underWay.delete(response)
        if (last.get(socket) === response) last.delete(socket)
      })
    },
    answering: (socket) => last.get(socket),
    endWithNextAnswer: () => {
      isEnding = true
      for (const response of underWay) response.shouldKeepAlive = false
    },
    idleGone: (withinMs) => until(() => open.size <= last.size, withinMs),
    answered: async (withinMs) => {
      const asked = [...underWay]
      await until(() => !asked.some((response) => underWay.has(response)), withinMs)
      for (const response of asked) if (underWay.has(response)) response.destroy()
    },
  }
}

/** Looks every now and then: nobody waits for this often. */
function until(holds: () => boolean, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const overMs = performance.now() + withinMs
    const look = () => {
      if (holds() || performance.now() >= overMs) resolve()
      else setTimeout(look, LOOK_MS)
    }
    look()
  })
}
