import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Registry, ServerEntry } from '../../servers/registry/registry.ts'
import { ServersUnavailable } from '../../servers/servers.ts'
import { parseServerLines } from './server-lines.ts'

const PIECE_BYTES = 256 * 1024

/**
 * Imports servers from newline-delimited JSON, in memory that does not grow with it: what comes is kept in a file in `dataDir` while
 * every line is checked, and imported from there when all are good. Answers how many there were. Rejects with an `ApiError` that
 * names the first bad line, and with `ServersUnavailable` when the disk is full.
 */
export async function importServers(registry: Registry, body: Readable, dataDir: string): Promise<number> {
  const file = await openNameless(dataDir).catch(unavailable)
  try {
    for await (const _ of parseServerLines(kept(body, file)));
    return await registry.importServers(serversOf(file))
  } finally {
    // What is left of a refused body is read and forgotten: a connection closed on it would lose the answer.
    body.resume()
    await file.close()
  }
}

/** A file that no name leads to: it is gone when it is closed, however this process ends. */
async function openNameless(directory: string): Promise<FileHandle> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, `import-${randomUUID()}.ndjson`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}

async function* kept(body: Readable, file: FileHandle): AsyncGenerator<Uint8Array> {
  for await (const piece of body.iterator({ destroyOnReturn: false })) {
    await file.writeFile(piece).catch(unavailable)
    yield piece
  }
}

async function* serversOf(file: FileHandle): AsyncGenerator<ServerEntry> {
  for await (const servers of parseServerLines(piecesOf(file))) yield* servers
}

async function* piecesOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

function unavailable(error: unknown): never {
  const text = error instanceof Error ? error.message : String(error)
  throw new ServersUnavailable(`the import cannot be kept in the data directory: ${text}`, { cause: error })
}
