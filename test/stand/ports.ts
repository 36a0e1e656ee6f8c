import { createServer } from 'node:net'

/** Below the ports that the system hands to clients (32768 and up): what is stopped for a while finds its port free again. */
const FIRST = 20_000
const LAST = 32_000

/** A port that nobody listens on, and that this process has not given before. */
export function createPorts(): () => Promise<number> {
  const given = new Set<number>()
  return async () => {
    for (;;) {
      const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
      if (given.has(port) || !(await isFree(port))) continue
      given.add(port)
      return port
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
