import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ApiConfig } from '../../config/config.ts'
import type { Identity } from '../../identity/identity.ts'
import { newRequestId } from '../../lib/request-id.ts'
import type { Policy } from '../../policy/policy.ts'
import { ApiError } from '../errors.ts'
import type { HttpApi } from '../parts.ts'
import { type Answer, faultAnswer, tooLargeAnswer } from './answer.ts'
import { type CreateEventsParts, createEventsAction } from './create-events.ts'
import { type Exchange, send } from './exchange.ts'
import { type Address, mountOf } from './mount.ts'
import { createPipeline } from './pipeline.ts'
import { BodyTooLarge, ClientGone, declaredLength } from './read-body.ts'
import { parseTarget } from './target.ts'

/** What Nova's API is made of. */
export interface ComputeApiParts extends CreateEventsParts {
  readonly config: ApiConfig & { readonly pathPrefix: string }
  readonly identity: Identity
  readonly policy: Policy
}

/** Nova answers its own kind of surprise so, without a word of what happened. */
const SURPRISE = 'The server has either erred or is incapable of performing the requested operation.'

/** A body left unread up to this length is read and thrown away, so that the connection can go on. */
const MAX_DISCARDED_BYTES = 1024 * 1024

/** Nova's API: the version documents and POST /os-server-external-events, to the byte. Every request is answered, whatever it is. */
export function createComputeApi(parts: ComputeApiParts): HttpApi {
  const { config, metrics, log } = parts
  const run = createPipeline({ ...parts, createEvents: createEventsAction(parts) })

  async function answer(exchange: Exchange): Promise<Answer> {
    try {
      return await run(exchange)
    } catch (error) {
      if (error instanceof ApiError) return faultAnswer(error)
      if (error instanceof BodyTooLarge) return tooLargeAnswer(config.maxBodyBytes, exchange.request)
      if (error instanceof ClientGone) throw error
      log.error({ err: error, requestId: exchange.requestId }, 'a request failed in a way nobody thought of')
      return faultAnswer(new ApiError('computeFault', SURPRISE))
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now()
    const exchange = begin(request, response, config.pathPrefix)
    const answered = exchange instanceof ApiError ? faultAnswer(exchange) : await answer(exchange)
    const addressed = exchange instanceof ApiError ? lost(request, response) : exchange
    const status = send(addressed, answered, leavesTooMuch(request))
    metrics.answered(status, (performance.now() - startedAt) / 1000)
    if (log.isLevelEnabled('debug')) log.debug({ ...describe(addressed), status }, 'answered')
  }

  return {
    handle: (request, response) => {
      serve(request, response).catch((error: unknown) => {
        if (!(error instanceof ClientGone)) log.error({ err: error }, 'an answer could not be sent')
        response.destroy()
      })
    },
    close: async () => {},
  }
}

/** Sees what a request is for; an ApiError where its target tells nothing. */
function begin(request: IncomingMessage, response: ServerResponse, prefix: string): Exchange | ApiError {
  try {
    const { path, query } = parseTarget(request.url ?? '/')
    const mount = mountOf(addressOf(request, path, prefix))
    return { request, response, mount, query, requestId: newRequestId(), echo: null }
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
}

/** All of Nova's paths also begin with the operator's prefix, which is then where links begin, too. */
function addressOf(request: IncomingMessage, path: string, prefix: string): Address {
  const { 'content-type': contentType, accept } = request.headers
  const isPrefixed = prefix !== '' && path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')
  if (!isPrefixed) return { root: '', path, contentType, accept }
  return { root: prefix, path: path.slice(prefix.length) || '/', contentType, accept }
}

/** A request whose target is no path: it has nowhere to go but to its refusal. */
function lost(request: IncomingMessage, response: ServerResponse): Exchange {
  const mount = { kind: 'versions', isLegacy: false, scriptName: '', pathInfo: '', mediaType: 'application/json' } as const
  return { request, response, mount, query: '', requestId: newRequestId(), echo: null }
}

function leavesTooMuch(request: IncomingMessage): boolean {
  if (request.complete) return false
  const length = declaredLength(request)
  return length === null ? request.headers['transfer-encoding'] !== undefined : length > MAX_DISCARDED_BYTES
}

function describe({ request, requestId }: Exchange) {
  return { method: request.method, url: request.url, requestId }
}
