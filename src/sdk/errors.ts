/** novacast (or Keystone) was reached and refused the request. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** The HTTP status. */
  readonly status: number
  /** What kind of refusal, as the body's envelope names it: `badRequest`, `itemNotFound`, …; `unknown` without an envelope. */
  readonly code: string
  /** The id to look for in the service's log; null where the answer had none. */
  readonly requestId: string | null

  constructor(status: number, code: string, message: string, requestId: string | null) {
    super(message)
    this.status = status
    this.code = code
    this.requestId = requestId
  }
}

/** Nobody was reached, or the connection broke before the answer was whole. The message says what was tried and what happened. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** Something answered, but not as novacast does: most likely the URL leads to another service. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** Another client follows this host now. A host has one stream, so to reconnect would only take it away again. */
export class ReplacedError extends Error {
  override readonly name = 'ReplacedError'
}

/** What happened on the way, by the code that Node, the system or undici gave it. */
const TROUBLES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed while sending',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'connecting timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connecting timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped coming',
  UND_ERR_SOCKET: 'the other side closed the connection',
  UND_ERR_DESTROYED: 'the client was closed',
}

/** Turns whatever a request failed with into a `ConnectionError` that says what was tried, as `GET http://…`. */
export function toConnectionError(tried: string, error: unknown): ConnectionError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const words = error instanceof Error ? error.message : String(error)
  const trouble = TROUBLES[code]
  const detail = trouble === undefined ? [words, code].filter(Boolean).join(', ') : `${trouble} (${code})`
  return new ConnectionError(`${tried}: ${detail}`, { cause: error })
}
