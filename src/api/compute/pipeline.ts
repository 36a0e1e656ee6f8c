import { isUtf8 } from 'node:buffer'
import type { ApiConfig } from '../../config/config.ts'
import type { Caller, Identity } from '../../identity/identity.ts'
import type { RepeatKey } from '../../journal/repeats.ts'
import type { Policy } from '../../policy/policy.ts'
import { ApiError } from '../errors.ts'
import { type Answer, jsonAnswer, notFoundAnswer, tooLargeAnswer, unauthorizedAnswer } from './answer.ts'
import type { CreateEvents } from './create-events.ts'
import { type Exchange, globalRequestId } from './exchange.ts'
import { linksFor, originOf } from './links.ts'
import { createNegotiation, LEGACY, type Microversion } from './microversion.ts'
import { MEDIA_TYPES } from './mount.ts'
import { declaredLength, hasBody, readBody } from './read-body.ts'
import { type Repeatable, repeatKeyOf } from './repeat-key.ts'
import { isForm, type Route, routedMethod, routeOf } from './route.ts'
import { createEventReader, type EventReader, faultOfNothing, parseExactly } from './sent-events.ts'
import { createVersionDocuments } from './versions.ts'

/** What the pipeline is made of. */
export interface PipelineParts {
  readonly config: ApiConfig
  readonly identity: Identity
  readonly policy: Policy
  readonly createEvents: (request: CreateEvents) => Promise<Answer>
}

const CREATE_RULE = 'os_compute_api:os-server-external-events:create'
const ADMIN_RULE = 'context_is_admin'

/** Version documents take no body, yet Nova reads one of any size. */
const MAX_DOCUMENT_BODY_BYTES = 1024 * 1024

/** Methods whose body is looked at. Source: nova/api/openstack/wsgi.py _METHODS_WITH_BODY. */
const METHODS_WITH_BODY: readonly (string | undefined)[] = ['POST', 'PUT']

/**
 * THE order in which a request is looked at: Nova's, so that one with two faults gets Nova's answer (docs/lifecycle.md). Answers, or
 * throws an ApiError, BodyTooLarge or ClientGone.
 */
export function createPipeline({
  config,
  identity,
  policy,
  createEvents,
}: PipelineParts): (exchange: Exchange) => Promise<Answer> {
  const negotiate = createNegotiation(config.maxMicroversion)
  const documents = createVersionDocuments(config.maxMicroversion)
  const readerOf = createReaders()

  return async (exchange) => {
    switch (exchange.mount.kind) {
      case 'versions':
        return answerRoot(exchange)
      case 'version':
        return answerVersion(exchange)
      case 'api':
        return answerApi(exchange)
    }
  }

  async function answerRoot(exchange: Exchange): Promise<Answer> {
    const { request, mount } = exchange
    await checkDocumentRequest(exchange)
    const links = linksFor(request, mount.scriptName, mount.pathInfo, config)
    if (mount.pathInfo === '/') return jsonAnswer(200, mount.mediaType, documents.index(links))
    return jsonAnswer(300, mount.mediaType, documents.choices(links))
  }

  async function answerVersion(exchange: Exchange): Promise<Answer> {
    const { request, mount } = exchange
    agree(exchange)
    await checkDocumentRequest(exchange)
    const links = linksFor(request, mount.scriptName, mount.pathInfo, config)
    return jsonAnswer(200, mount.mediaType, documents.version(mount.isLegacy, links))
  }

  async function answerApi(exchange: Exchange): Promise<Answer> {
    const { request } = exchange
    if ((declaredLength(request) ?? 0) > config.maxBodyBytes) return tooLargeAnswer(config.maxBodyBytes, request)
    const caller = await identify(exchange)
    if (caller === null) return unauthorizedAnswer(identity.challenge)
    const method = request.method ?? ''
    const form = isForm(method, request.headers['content-type']) ? await formOf(exchange, config.maxBodyBytes) : null
    const route = routeOf(routedMethod(method, exchange.query, form), exchange.mount.pathInfo)
    if (route === null) return notFoundAnswer(request)
    const microversion = agree(exchange)
    checkMediaType(request.headers['content-type'])
    const text = await textOf(exchange, config.maxBodyBytes)
    checkProject(exchange, route, caller, text)
    const sent = eventsIn(exchange, microversion, text)
    if (!policy.allows(CREATE_RULE, caller)) throw forbidden()
    const about = { globalRequestId: globalRequestId(request), microversion: `2.${microversion.minor}` }
    return createEvents({
      ...about,
      sent,
      requestId: exchange.requestId,
      repeatKey: keyOf(exchange, { ...about, caller, body: text ?? '' }),
      mediaType: exchange.mount.mediaType,
      context: contextOf(exchange, caller),
    })
  }

  /** Who sends it; null for nobody we know. */
  async function identify({ request }: Exchange): Promise<Caller | null> {
    const token = tokenIn(request.headers['x-auth-token'])
    const serviceToken = tokenIn(request.headers['x-service-token'])
    const asked = identity.identify({ token, serviceToken })
    const found = asked instanceof Promise ? await asked : asked
    if (found.kind === 'valid') return found.caller
    if (found.kind === 'invalid') return null
    const message = 'The identity service cannot be asked now whether the token is good. Nothing was accepted; try again.'
    throw new ApiError('serviceUnavailable', message, { 'Retry-After': '5' })
  }

  /** Settles the dialect and what the answer says of it. */
  function agree(exchange: Exchange): Microversion {
    if (exchange.mount.isLegacy) return LEGACY
    const negotiated = negotiate(exchange.request.headers)
    exchange.echo = negotiated.echo
    if (negotiated.kind === 'refused') throw negotiated.error
    return negotiated.microversion
  }

  function eventsIn({ request }: Exchange, microversion: Microversion, text: string | null) {
    // Nova's action is called without its body and fails with a 500.
    if (!METHODS_WITH_BODY.includes(request.method)) {
      throw new ApiError(
        'badRequest',
        `Events are sent with POST: a ${request.method} that _method makes one has no body to Nova.`,
      )
    }
    if (text === null) throw faultOfNothing(microversion)
    return readerOf(microversion)(text)
  }

  function keyOf({ request }: Exchange, about: Omit<Repeatable, 'idempotencyKey'>): RepeatKey | null {
    return config.repeatWindowMs === 0 ? null : repeatKeyOf({ ...about, idempotencyKey: request.headers['idempotency-key'] })
  }

  function contextOf({ request }: Exchange, caller: Caller): CreateEvents['context'] {
    const { client } = config.proxyHeaders ? originOf(request, true) : NO_PROXY
    return {
      caller,
      token: tokenIn(request.headers['x-auth-token']) ?? null,
      isAdmin: policy.allows(ADMIN_RULE, caller),
      remoteAddress: client ?? request.socket.remoteAddress ?? null,
    }
  }
}

const NO_PROXY = { client: null }

function tokenIn(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}

/** One reader for each dialect: there are few, and all the schema's sets are made once. */
function createReaders(): (microversion: Microversion) => EventReader {
  const readers = new Map<number, EventReader>()
  return (microversion) => {
    const known = readers.get(microversion.minor)
    if (known !== undefined) return known
    const made = createEventReader(microversion)
    readers.set(microversion.minor, made)
    return made
  }
}

/** A version document wants no body, but what comes is checked as any. */
async function checkDocumentRequest(exchange: Exchange): Promise<void> {
  checkMediaType(exchange.request.headers['content-type'])
  const text = await textOf(exchange, MAX_DOCUMENT_BODY_BYTES)
  if (text !== null && METHODS_WITH_BODY.includes(exchange.request.method)) parseExactly(text)
}

/** Source: nova/api/openstack/wsgi.py Request.get_content_type. */
function checkMediaType(contentType: string | undefined): void {
  if (contentType === undefined) return
  const semicolon = contentType.indexOf(';')
  const type = semicolon < 0 ? contentType : contentType.slice(0, semicolon)
  if (type === '' || type === 'text/plain' || MEDIA_TYPES.includes(type)) return
  throw new ApiError('badMediaType', 'Unsupported Content-Type')
}

/** The body as text; null for none. A 400 where Nova has a 500: what is no UTF-8. */
async function textOf({ request }: Exchange, maxBytes: number): Promise<string | null> {
  if (!hasBody(request)) return null
  const body = await readBody(request, maxBytes)
  if (body.length === 0) return null
  if (!isUtf8(body)) throw new ApiError('badRequest', 'Malformed request body: it is not UTF-8')
  return body.toString()
}

/** The body of a form: no more is ever done with it than to look for a method, because its media type is none of ours. */
async function formOf({ request }: Exchange, maxBytes: number): Promise<string> {
  return hasBody(request) ? (await readBody(request, maxBytes)).toString('latin1') : ''
}

/** The project in the path must be the token's. A body that is no JSON is complained of first. */
function checkProject({ request }: Exchange, { projectId }: Route, caller: Caller, text: string | null): void {
  if (projectId === null || projectId === caller.projectId) return
  if (text !== null && METHODS_WITH_BODY.includes(request.method)) parseExactly(text)
  const context = caller.projectId ?? 'None'
  const message = `Malformed request URL: URL's project_id '${projectId}' doesn't match Context's project_id '${context}'`
  throw new ApiError('badRequest', message)
}

function forbidden(): ApiError {
  return new ApiError('forbidden', `Policy doesn't allow ${CREATE_RULE} to be performed.`)
}
