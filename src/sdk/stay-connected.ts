import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, ConnectionError, toConnectionError } from './errors.ts'
import type { HttpRequest } from './http.ts'
import type { Session } from './session.ts'
import { createSseParser, type SseItem } from './sse.ts'

/** How a stream stands. `lost`: it ended or could not be opened; the next try is `retryInMs` away. */
export type StreamStatus =
  | { readonly kind: 'connected' }
  | { readonly kind: 'lost'; readonly reason: string; readonly retryInMs: number }

/** How to follow a stream. */
export interface FollowOptions {
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal
  /** Told of every connection made and lost. */
  readonly onStatus?: (status: StreamStatus) => void
  /** Without a byte (heartbeats count) for so long, the connection counts as lost; 60 s unless said. */
  readonly idleTimeoutMs?: number
}

export type SseMessage = Extract<SseItem, { kind: 'message' }>

const MAX_DELAY_MS = 30_000

/** The wait before try number `failures` (from 0): doubling from `baseMs` to 30 s, with jitter so that clients do not come in step. */
export function reconnectDelayMs(baseMs: number, failures: number): number {
  const full = Math.min(baseMs * 2 ** Math.min(failures, 20), MAX_DELAY_MS)
  return Math.round(full * (0.5 + Math.random() / 2))
}

/**
 * The messages of an event stream, across as many connections as it takes: each new one says which id it saw last. Ends when the
 * signal says so. Rejects with what reconnecting would not mend: an `ApiError` below 500.
 */
export async function* stayConnected(
  session: Session,
  path: string,
  { lastEventId, ...options }: FollowOptions & { readonly lastEventId?: string },
): AsyncGenerator<SseMessage, void> {
  let seen = lastEventId
  let baseMs = 1000
  let failures = 0
  const isOver = () => options.signal?.aborted === true
  while (!isOver()) {
    let reason = ''
    try {
      for await (const item of openStream(session, streamRequest(path, seen, options))) {
        if (item.kind === 'opened') {
          failures = 0
          options.onStatus?.({ kind: 'connected' })
        } else if (item.kind === 'retry') baseMs = Math.max(item.ms, 1)
        else {
          if (item.lastEventId !== '') seen = item.lastEventId
          yield item
        }
      }
      reason = 'the service ended the stream'
    } catch (error) {
      if (isOver()) return
      if (!isPassing(error)) throw error
      reason = error.message
    }
    const retryInMs = reconnectDelayMs(baseMs, failures++)
    options.onStatus?.({ kind: 'lost', reason, retryInMs })
    await sleep(retryInMs, undefined, { signal: options.signal }).catch(() => {})
  }
}

function streamRequest(path: string, lastEventId: string | undefined, options: FollowOptions): HttpRequest {
  return {
    method: 'GET',
    path,
    headers: { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
    signal: options.signal,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
  }
}

/** Whether it is worth trying again: nobody was reached, or the service has trouble of its own. */
export function isPassing(error: unknown): error is ConnectionError | ApiError {
  return error instanceof ConnectionError || (error instanceof ApiError && error.status >= 500)
}

async function* openStream(session: Session, request: HttpRequest): AsyncGenerator<SseItem | { readonly kind: 'opened' }, void> {
  const { body } = await session.open(request)
  yield { kind: 'opened' }
  const parse = createSseParser()
  const decoder = new TextDecoder()
  const pieces = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const piece = await pieces.next().catch((error: unknown) => {
        throw toConnectionError(session.describe(request), error)
      })
      if (piece.done === true) return
      yield* parse(decoder.decode(piece.value, { stream: true }))
    }
  } finally {
    // Unlike a request that was read to its end, this connection is of no more use to anybody.
    body.on('error', () => {}).destroy()
  }
}
