/**
 * Which buckets may have events of a server, without looking into each of them.
 *
 * Each full bucket has a Bloom filter of 2048 blocks of 64 bits; a server sets four bits of one block. The filters of 64 buckets (a span)
 * are turned round: a row for each block, with the 64 bits of each bucket one after the other. So one row of 512 bytes says which of
 * half a million events' buckets may have the server: at ten million events 19 rows, and a bucket too many in 150, where an index in
 * each bucket takes 1221 seeks. It costs two bytes an event, written in bulk.
 *
 * A bucket with more than 8192 servers has a fuller filter, which says yes more often, and never no where it is yes.
 */
export const BLOCKS = 2048
export const SPAN = 64
const BLOCK_BYTES = 8
const BITS_OF_A_SERVER = 4
/** Of the filter of a bucket. */
export const FILTER_BYTES = BLOCKS * BLOCK_BYTES

/** Where a server's bits are. */
export interface Place {
  readonly block: number
  /** The bits within the block. */
  readonly bits: Uint8Array
}

const hashes = new Uint32Array(2)

/** Two hashes of 32 bits (cyrb53, by bryc, in the public domain): servers are uuids, but not all are random. */
function hash(server: Uint8Array): void {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < server.length; i++) {
    const byte = server[i] as number
    a = Math.imul(a ^ byte, 2_654_435_761)
    b = Math.imul(b ^ byte, 1_597_334_677)
  }
  hashes[0] = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909)
  hashes[1] = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909)
}

/** Adds a server, by the bytes that stand for it, to the filter of a bucket. 40 ns. */
export function addServer(filter: Uint8Array, server: Uint8Array): void {
  hash(server)
  setBits(filter, ((hashes[0] as number) % BLOCKS) * BLOCK_BYTES)
}

/** Sets the bits of the server that was hashed in the block that begins there. */
function setBits(filter: Uint8Array, first: number): void {
  let bits = hashes[1] as number
  for (let i = 0; i < BITS_OF_A_SERVER; i++) {
    const at = first + ((bits >>> 3) & 7)
    filter[at] = (filter[at] as number) | (1 << (bits & 7))
    bits >>>= 6
  }
}

/** Where the bits of a server are. */
export function placeOf(server: Uint8Array): Place {
  const bits = new Uint8Array(BLOCK_BYTES)
  hash(server)
  setBits(bits, 0)
  return { block: (hashes[0] as number) % BLOCKS, bits }
}

/** Whether a bucket may have the server, by its filter. */
export function hasServer(filter: Uint8Array, { block, bits }: Place): boolean {
  return isIn(filter, block * BLOCK_BYTES, bits)
}

function isIn(filter: Uint8Array, first: number, bits: Uint8Array): boolean {
  for (let i = 0; i < BLOCK_BYTES; i++) {
    const byte = bits[i] as number
    if (((filter[first + i] as number) & byte) !== byte) return false
  }
  return true
}

/** The rows of a span for some of its blocks. `filters` are those of its buckets, cut to these blocks. */
export function* rowsOf(filters: readonly Uint8Array[], blocks: number): Generator<Uint8Array> {
  for (let block = 0; block < blocks; block++) {
    const row = new Uint8Array(SPAN * BLOCK_BYTES)
    for (const [bucket, filter] of filters.entries())
      row.set(filter.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES), bucket * BLOCK_BYTES)
    yield row
  }
}

/** The buckets of a span, by their place in it, that may have the server by this row. Two words each: 0.1 µs for all. */
export function bucketsIn(row: Uint8Array, { bits }: Place): number[] {
  const found: number[] = []
  const words = wordsOf(row)
  const [one, other] = wordsOf(bits) as unknown as readonly [number, number]
  for (let bucket = 0; bucket < SPAN; bucket++) {
    const isMissing = (~(words[2 * bucket] as number) & one) | (~(words[2 * bucket + 1] as number) & other)
    if (isMissing === 0) found.push(bucket)
  }
  return found
}

function wordsOf(bytes: Uint8Array): Int32Array {
  // A driver's buffers lie anywhere in what they are cut from; `slice` of a Buffer copies nothing.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4)
}
