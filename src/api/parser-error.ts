import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Log } from '../observe/log.ts'
import { ApiError, renderFault } from './errors.ts'

/**
 * Answers what never became a request: Node's parser refused it, or its time is over. In Nova's envelope, and the connection is
 * closed. Only closed where an answer to an earlier request is on its way: ours would end up inside it.
 */
export function answerParserError(error: Error, socket: Duplex, underWay: ServerResponse | undefined, log: Log): void {
  const refusal = toApiError(error)
  log.debug({ reason: error.message, status: refusal.status }, 'what came was no request')
  const isAnswering = underWay?.headersSent === true && !underWay.writableEnded
  if (!socket.writable || isAnswering || codeOf(error) === 'ECONNRESET') {
    socket.destroy()
    return
  }
  socket.end(renderRaw(refusal), () => socket.destroy())
}

/** The codes are those of Node's parser (llhttp's HPE_…) and of its http server. */
function toApiError(error: Error): ApiError {
  switch (codeOf(error)) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError(
        'requestTimeout',
        'The request did not come in time: it was expected whole within five minutes, its head within seconds.',
      )
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError('headersTooLarge', 'The head of the request is larger than 64 KiB.')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new ApiError('overLimit', 'The chunk extensions of the body are too large.')
    default:
      return new ApiError('badRequest', 'What came is no HTTP/1.1 request.')
  }
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined
}

function renderRaw({ fault, status, message }: ApiError): string {
  const body = renderFault(fault, message)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=UTF-8',
    `Content-Length: ${body.length}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
