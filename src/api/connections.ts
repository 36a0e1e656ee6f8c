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
  /**
   * What is being answered on each connection: several requests may be under way on one, answered in their order. An array that is used
   * again and again, where one Set of all would keep answers alive (see `ShortLivedMap`).
   */
  const open = new Map<Duplex, ServerResponse[]>()
  let isEnding = false
  server.on('connection', (socket) => {
    open.set(socket, [])
    socket.once('close', () => open.delete(socket))
  })
  const underWay = () => [...open.values()].flat()
  return {
    began: (socket, response) => {
      if (isEnding) response.shouldKeepAlive = false
      const responses = open.get(socket)
      if (responses === undefined) return
      responses.push(response)
      response.once('close', () => void responses.splice(responses.indexOf(response), 1))
    },
    answering: (socket) => open.get(socket)?.at(-1),
    endWithNextAnswer: () => {
      isEnding = true
      for (const response of underWay()) response.shouldKeepAlive = false
    },
    idleGone: (withinMs) => until(() => open.values().every((responses) => responses.length > 0), withinMs),
    answered: async (withinMs) => {
      const asked = underWay()
      await until(() => asked.every((response) => response.closed), withinMs)
      for (const response of asked) if (!response.closed) response.destroy()
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
