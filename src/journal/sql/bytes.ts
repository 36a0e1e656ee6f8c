import { createHash } from 'node:crypto'
import type { ServerId } from '../../events/event.ts'
import { uuidFromBytes } from '../../lib/uuid.ts'
import { toUuidColumn } from '../sqlite/columns.ts'

/** Marks of a text that is no uuid. The second is for those that would be 16 bytes with the first. */
const TEXT = 1
const TEXT_OF_15 = 2
const UUID_BYTES = 16
const REQUEST_PREFIX = 'req-'

/**
 * A text that mostly is a uuid, as a column of bytes keeps it: its 16 bytes where it is one in canonical form, else a mark and the
 * text in UTF-8, which never are 16. Each text has exactly one form, so equality is that of bytes: no collation has a say.
 */
export function toBytes(text: string): Buffer {
  const column = toUuidColumn(text)
  return typeof column === 'string' ? textBytes(text) : viewOf(column)
}

/** The text that `toBytes` was given. */
export function fromBytes(bytes: Buffer): string {
  return bytes.length === UUID_BYTES ? uuidFromBytes(bytes) : bytes.toString('utf8', bytes[0])
}

/** A request id (`req-UUID`): the 16 bytes of the uuid, or a mark and the text where it has another form. */
export function toRequestBytes(text: string): Buffer {
  const column = text.startsWith(REQUEST_PREFIX) ? toUuidColumn(text.slice(REQUEST_PREFIX.length)) : text
  return typeof column === 'string' ? textBytes(text) : viewOf(column)
}

/** The text that `toRequestBytes` was given. */
export function fromRequestBytes(bytes: Buffer): string {
  return bytes.length === UUID_BYTES ? REQUEST_PREFIX + uuidFromBytes(bytes) : fromBytes(bytes)
}

/** 16 bytes to find any of the above by: those of the uuid, else a digest. Different texts may share one. */
export function keyOf(bytes: Buffer): Buffer {
  return bytes.length === UUID_BYTES ? bytes : createHash('md5').update(bytes).digest()
}

/** Four bytes of the same, as a number. */
export function hashOf(bytes: Buffer): number {
  return keyOf(bytes).readInt32BE(UUID_BYTES - 4)
}

/** What rows of a server are found by, where its uuid would be long. */
export function serverHashOf(serverId: ServerId): number {
  return hashOf(toBytes(serverId))
}

function viewOf(column: Uint8Array): Buffer {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength)
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  return bytes.length === UUID_BYTES - 1 ? Buffer.from([TEXT_OF_15, 0, ...bytes]) : Buffer.concat([Buffer.of(TEXT), bytes])
}
