import type { IncomingMessage } from 'node:http'

/** More was sent than may be. What is left of it is not read. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

/** The connection ended before the body did: nobody is left to be answered. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/** The length that a request declares, in bytes; null where it declares none (chunked, or no body). */
export function declaredLength(request: IncomingMessage): number | null {
  const header = request.headers['content-length']
  return header === undefined ? null : Number(header)
}

/** Whether a request comes with a body, or might. */
export function hasBody(request: IncomingMessage): boolean {
  const length = declaredLength(request)
  return length === null ? request.headers['transfer-encoding'] !== undefined : length > 0
}

/** The body of a request, decoded from chunks where it comes in such. Rejects with BodyTooLarge or ClientGone. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let bytes = 0
    const gather = (piece: Buffer) => {
      bytes += piece.length
      pieces.push(piece)
      if (bytes <= maxBytes) return
      request.off('data', gather)
      reject(new BodyTooLarge(`more than ${maxBytes} bytes`))
    }
    // Every request is closed in the end, also long after its body was read: no error is made for that.
    const lose = () => {
      if (!request.complete) reject(new ClientGone('the connection ended before the body did'))
    }
    request.on('data', gather)
    request.once('end', () => resolve(Buffer.concat(pieces, bytes)))
    request.once('error', lose)
    request.once('close', lose)
  })
}
