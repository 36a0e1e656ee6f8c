import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import { ApiError, toConnectionError } from './errors.ts'

/** How TLS peers are verified. */
export interface TlsOptions {
  /** A file of PEM certificates to trust instead of the built-in ones. */
  readonly caFile?: string
  /** Do not verify at all. */
  readonly insecure?: boolean
}

/** One request, to a path under the base URL. */
export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Readable
  readonly signal?: AbortSignal | undefined
  /** How long the service may take to begin its answer; 60 s unless said. */
  readonly answerTimeoutMs?: number
  /** How long the answer may pause; 60 s unless said. */
  readonly idleTimeoutMs?: number
}

/** An answer whose body has not been read yet. */
export type HttpAnswer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>

/** Connections to one base URL. */
export interface Http {
  /** Sends and resolves with the beginning of the answer, whatever its status. Rejects with `ConnectionError`. */
  send(request: HttpRequest): Promise<HttpAnswer>
  /** Reads a body to its end as JSON; undefined when it is none. Rejects with `ConnectionError`. */
  read(request: HttpRequest, answer: HttpAnswer): Promise<unknown>
  /** `GET http://…`, to say what was tried. */
  describe(request: HttpRequest): string
  close(): Promise<void>
}

const TIMEOUT_MS = 60_000

/** Connections to a base URL (which may have a path), kept alive between requests. Throws a `TypeError` for what is no http URL. */
export function createHttp(url: string, tls: TlsOptions = {}): Http {
  const { origin, prefix } = parseBaseUrl(url)
  const agent = new Agent({
    connect: {
      timeout: 10_000,
      ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile, 'utf8') }),
      rejectUnauthorized: tls.insecure !== true,
    },
  })
  const describe = (request: HttpRequest) => `${request.method} ${origin}${prefix}${request.path}`
  const send = async (request: HttpRequest) => {
    try {
      return await agent.request({
        origin,
        path: `${prefix}${request.path}`,
        method: request.method,
        headers: { accept: 'application/json', ...request.headers },
        body: request.body ?? null,
        signal: request.signal ?? null,
        headersTimeout: request.answerTimeoutMs ?? TIMEOUT_MS,
        bodyTimeout: request.idleTimeoutMs ?? TIMEOUT_MS,
      })
    } catch (error) {
      request.signal?.throwIfAborted()
      throw toConnectionError(describe(request), error)
    }
  }
  const read = async (request: HttpRequest, answer: HttpAnswer) => {
    try {
      return parseJson(await answer.body.text())
    } catch (error) {
      request.signal?.throwIfAborted()
      throw toConnectionError(describe(request), error)
    }
  }
  return { send, read, describe, close: () => agent.destroy() }
}

/** The origin of a base URL, and its path without the slash at its end. Throws a `TypeError` for what is no http URL. */
export function parseBaseUrl(url: string): { readonly origin: string; readonly prefix: string } {
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol) || parsed.search !== '' || parsed.hash !== '')
    throw new TypeError(`expected a URL like http://127.0.0.1:8774, got '${url}'`)
  return { origin: parsed.origin, prefix: parsed.pathname.replace(/\/+$/, '') }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The error that an answer of 400 or above stands for. OpenStack's services wrap theirs: `{"itemNotFound": {"message": …}}`. */
export function toApiError(described: string, answer: HttpAnswer, body: unknown): ApiError {
  const id = answer.headers['x-openstack-request-id']
  const requestId = typeof id === 'string' ? id : null
  if (typeof body === 'object' && body !== null) {
    for (const [code, fault] of Object.entries(body))
      if (typeof fault === 'object' && fault !== null && 'message' in fault && typeof fault.message === 'string')
        return new ApiError(answer.statusCode, code, fault.message, requestId)
  }
  return new ApiError(answer.statusCode, 'unknown', `${described} was answered ${answer.statusCode}`, requestId)
}
