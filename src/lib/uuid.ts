import { randomFillSync } from 'node:crypto'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const POOL_BYTES = 4096
const pool = Buffer.allocUnsafe(POOL_BYTES)
let poolOffset = POOL_BYTES

function randomByte(): number {
  if (poolOffset === POOL_BYTES) {
    randomFillSync(pool)
    poolOffset = 0
  }
  return pool[poolOffset++] as number
}

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether the text is a uuid in its canonical form: lower case, with dashes. */
export function isCanonicalUuid(text: string): boolean {
  return CANONICAL.test(text)
}

let lastMs = 0
let counter = 0

/**
 * A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then a counter (method 1, 12 + 14 bits), then 48 random bits. Ids of one
 * process ascend strictly, also within a millisecond and when the clock steps back.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = (randomByte() << 8) | randomByte()
  } else if (++counter >= 1 << 26) {
    lastMs++
    counter = 0
  }
  const high = Math.floor(lastMs / 0x1_0000)
  const low = lastMs & 0xffff
  const first = high.toString(16).padStart(8, '0')
  const second = low.toString(16).padStart(4, '0')
  const third = ((counter >>> 14) | 0x7000).toString(16)
  const fourth = ((counter & 0x3fff) | 0x8000).toString(16)
  let last = ''
  for (let i = 0; i < 6; i++) last += HEX[randomByte()]
  return `${first}-${second}-${third}-${fourth}-${last}`
}

/** The 16 bytes of a canonical uuid. */
export function uuidToBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

/** The canonical text of 16 bytes. */
export function uuidFromBytes(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-'
    text += HEX[bytes[i] as number]
  }
  return text
}
