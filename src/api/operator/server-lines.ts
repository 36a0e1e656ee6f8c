import { isUtf8 } from 'node:buffer'
import type { ServerEntry } from '../../servers/registry/registry.ts'
import { ApiError } from '../errors.ts'
import { toServerEntry } from './server-entry.ts'
import { serverLine } from './wire.ts'

/** Far more than any server needs; what an import holds in memory of one line. */
export const MAX_LINE_BYTES = 16 * 1024

const LF = 0x0a

/**
 * Servers out of newline-delimited JSON, in pieces cut anywhere: as many at a time as a piece completed. Empty lines are passed
 * over. Throws a `badRequest` that names the line and what was expected in it.
 */
export async function* parseServerLines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEntry[]> {
  let rest = Buffer.alloc(0)
  let line = 0
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.length) : Buffer.concat([rest, piece])
    const servers: ServerEntry[] = []
    let start = 0
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      const server = parseServerLine(bytes.subarray(start, end), ++line)
      if (server !== null) servers.push(server)
      start = end + 1
    }
    if (bytes.length - start > MAX_LINE_BYTES) tooLong(line + 1)
    // A copy: the rest of a piece would keep all of it in memory.
    rest = Buffer.from(bytes.subarray(start))
    yield servers
  }
  const last = parseServerLine(rest, line + 1)
  if (last !== null) yield [last]
}

function parseServerLine(bytes: Buffer, line: number): ServerEntry | null {
  if (bytes.length > MAX_LINE_BYTES) tooLong(line)
  if (!isUtf8(bytes)) throw new ApiError('badRequest', `line ${line}: expected UTF-8`)
  const text = bytes.toString()
  if (text.trim() === '') return null
  const { uuid, ...fields } = serverLine.parse(parseJson(text, line), `line ${line}`)
  return toServerEntry(uuid, fields)
}

function parseJson(text: string, line: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(
      'badRequest',
      `line ${line}: expected a JSON object like {"uuid": "…", "host": "compute-1"}, got ${JSON.stringify(text.slice(0, 60))}`,
    )
  }
}

function tooLong(line: number): never {
  throw new ApiError('badRequest', `line ${line}: expected at most ${MAX_LINE_BYTES} bytes`)
}
