import { Readable } from 'node:stream'

/** How far an import has come. */
export interface ImportProgress {
  readonly bytes: number
  readonly lines: number
}

const LF = 0x0a

/** How many lines end in these bytes. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines++
  return lines
}

/** The same pieces as a stream to send: one at a time, as the connection takes them, so that memory stays small. */
export function countingStream(
  pieces: AsyncIterable<Uint8Array | string>,
  onProgress: (progress: ImportProgress) => void = () => {},
): Readable {
  return Readable.from(counted(pieces, onProgress), { objectMode: false })
}

async function* counted(
  pieces: AsyncIterable<Uint8Array | string>,
  onProgress: (progress: ImportProgress) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  let lines = 0
  for await (const piece of pieces) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece
    bytes += chunk.length
    lines += countLines(chunk)
    yield chunk
    onProgress({ bytes, lines })
  }
}
