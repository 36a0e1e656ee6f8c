import { Readable } from 'node:stream'
import type { TokenProvider } from './auth.ts'
import { createHttp, type HttpAnswer, type HttpRequest, type TlsOptions, toApiError } from './http.ts'
import type { Shape } from './shape.ts'

/** How to reach a novacast, and as whom. */
export interface SessionOptions {
  /** With its path prefix, if it has one: `http://127.0.0.1:8774`, `https://cloud.example.org/compute`. */
  readonly url: string
  readonly auth: TokenProvider
  readonly tls?: TlsOptions
}

/** Requests with a token. All of them reject with `ApiError` when refused and `ConnectionError` when nobody was reached. */
export interface Session {
  /** Sends, and reads the answer in its shape. */
  call<T>(request: HttpRequest, shape: Shape<T>): Promise<T>
  /** Sends, for an answer whose body is a stream. */
  open(request: HttpRequest): Promise<HttpAnswer>
  describe(request: HttpRequest): string
  close(): Promise<void>
}

/** Requests with a token, which is renewed once when the service refuses it. */
export function createSession({ url, auth, tls }: SessionOptions): Session {
  const http = createHttp(url, tls)

  const sendAs = (token: string, request: HttpRequest) =>
    http.send({ ...request, headers: { ...request.headers, 'x-auth-token': token } })

  const open = async (request: HttpRequest): Promise<HttpAnswer> => {
    const token = await auth.token()
    let answer = await sendAs(token, request)
    // A streamed body is gone: what was refused then stays refused.
    if (answer.statusCode === 401 && !(request.body instanceof Readable)) {
      const renewed = await auth.token(token)
      if (renewed !== token) {
        await answer.body.dump()
        answer = await sendAs(renewed, request)
      }
    }
    if (answer.statusCode >= 400) throw toApiError(http.describe(request), answer, await http.read(request, answer))
    return answer
  }

  return {
    open,
    call: async (request, shape) => {
      const answer = await open(request)
      return shape(await http.read(request, answer), `the answer to ${http.describe(request)}`)
    },
    describe: http.describe,
    close: async () => {
      await Promise.all([http.close(), auth.close()])
    },
  }
}

/** A query string with its `?`, without what is undefined; empty when nothing is left. */
export function renderQuery(fields: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, String(value))
  return query.size === 0 ? '' : `?${query}`
}
