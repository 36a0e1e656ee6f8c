import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  /** By lower-case name, every line of it. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: Buffer
}

/** How the sending side behaves. */
export interface RawOptions {
  /** After which it rejects; 10 s unless said. */
  readonly timeoutMs?: number
  /** Whether the sending half of the connection ends behind the bytes. */
  readonly halfClose?: boolean
}

/** Sends these bytes over a connection of their own and reads one answer; null where the connection ended without any. */
export function sendRaw(
  port: number,
  bytes: Buffer,
  { timeoutMs = 10_000, halfClose = false }: RawOptions = {},
): Promise<RawAnswer | null> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const pieces: Buffer[] = []
    const done = () => {
      socket.destroy()
      resolve(parseAnswer(Buffer.concat(pieces)))
    }
    socket.setTimeout(timeoutMs, () => {
      socket.destroy()
      reject(new Error(`no whole answer within ${timeoutMs} ms: ${Buffer.concat(pieces).toString('latin1').slice(0, 200)}`))
    })
    socket.on('data', (piece) => pieces.push(piece))
    socket.on('end', done)
    socket.on('error', done)
    if (halfClose) socket.end(bytes)
    else socket.write(bytes)
  })
}

/** Reads the answer to a request that asked for the connection to be closed; null where there is none. */
export function parseAnswer(bytes: Buffer): RawAnswer | null {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const rest = bytes.subarray(headEnd + 4)
  if (status >= 100 && status < 200) return parseAnswer(rest)
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return { status, headers, body: rest }
}
