import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { endLeftovers, own, PREFIX } from './leftovers.ts'
import { createParts } from './parts.ts'
import { createPorts } from './ports.ts'
import { createProcesses } from './processes.ts'
import { parseCall } from './protocol.ts'

/*
 * The process that starts, keeps and stops the services of one run. Workers ask it over a Unix socket, one JSON call a connection.
 * It prints the socket's path, and ends, with everything that it started, when its standard input does: also when whoever started it
 * was killed. What remains of a daemon that was killed itself is ended by the next.
 */

await endLeftovers()
const root = mkdtempSync(join(tmpdir(), PREFIX))
// PostgreSQL runs as a user of its own, and has to reach its folder.
chmodSync(root, 0o711)
own(root)
const processes = createProcesses(root)
const parts = createParts({ root, processes, freePort: createPorts() })

const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket))
server.listen(join(root, 'socket'), () => process.stdout.write(`${join(root, 'socket')}\n`))

async function answer(socket: Socket): Promise<void> {
  socket.on('error', () => {})
  try {
    const result = await parts.call(parseCall(await text(socket)))
    socket.end(JSON.stringify({ kind: 'result', result: result ?? null }))
  } catch (error) {
    socket.end(JSON.stringify({ kind: 'error', message: error instanceof Error ? error.message : String(error) }))
  }
}

let isEnding = false
async function end(): Promise<void> {
  if (isEnding) return
  isEnding = true
  server.close()
  await processes.end()
  rmSync(root, { recursive: true, force: true })
  process.exit(0)
}
process.stdin.resume().once('end', end).once('error', end)
// Ctrl-C and whoever ends a whole process group: the end comes with the standard input, in good order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
