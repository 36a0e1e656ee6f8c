import type { IncomingMessage } from 'node:http'
import { type ApiError, renderFault } from '../errors.ts'
import { renderErrorPage } from './error-page.ts'

/** What a request is answered with, but for what every answer of its kind carries (request ids, the version). ASCII. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  /** Name, value, name, value, … */
  readonly headers: readonly string[]
}

const NO_HEADERS: readonly string[] = []

/** An answer that is no refusal. */
export function jsonAnswer(status: number, type: string, body: string): Answer {
  return { status, type, body, headers: NO_HEADERS }
}

/** A refusal in Nova's envelope. */
export function faultAnswer({ fault, status, message, headers }: ApiError): Answer {
  return {
    status,
    type: 'application/json; charset=UTF-8',
    body: renderFault(fault, message),
    headers: Object.entries(headers).flat(),
  }
}

const UNAUTHORIZED =
  '{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}'

/** keystonemiddleware's answer to a request without a good token: not in Nova's envelope. */
export function unauthorizedAnswer(challenge: string): Answer {
  return { status: 401, type: 'application/json', body: UNAUTHORIZED, headers: ['WWW-Authenticate', challenge] }
}

/** WebOb's answer where there is no such route. */
export function notFoundAnswer(request: IncomingMessage): Answer {
  return pageAnswer(404, '404 Not Found', 'The resource could not be found.', request)
}

/** oslo.middleware's answer to a body beyond the limit. */
export function tooLargeAnswer(maxBodyBytes: number, request: IncomingMessage): Answer {
  const message = `Request is too large. Larger than max_request_body_size (${maxBodyBytes}).`
  return pageAnswer(413, '413 Request Entity Too Large', message, request)
}

/** Whoever asks for the head alone gets that of the HTML page, whatever they accept. */
function pageAnswer(
  status: number,
  line: string,
  message: string,
  { method, headers: { accept = '' } }: IncomingMessage,
): Answer {
  return { status, ...renderErrorPage(line, message, method === 'HEAD' ? 'text/html' : accept), headers: NO_HEADERS }
}
