import type { IncomingMessage } from 'node:http'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { StreamCaster } from '../../cast/stream/stream-caster.ts'
import type { Config } from '../../config/config.ts'
import type { Caller, Identity } from '../../identity/identity.ts'
import type { Journal } from '../../journal/journal.ts'
import { newRequestId } from '../../lib/request-id.ts'
import type { Happenings } from '../../observe/happenings.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Replayer } from '../../replay/replayer.ts'
import type { Registry } from '../../servers/registry/registry.ts'
import { ApiError, renderFault } from '../errors.ts'
import type { HttpApi } from '../parts.ts'
import { eventRoutes } from './events.ts'
import { toApiError } from './fault.ts'
import { createGuard, type Guard } from './guard.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { hostRoutes } from './hosts.ts'
import { createLiveStreams } from './live-streams.ts'
import { openapiRoute } from './openapi.ts'
import { createPathIndex, stripPrefix, toFastifyPath } from './paths.ts'
import { replayRoutes } from './replays.ts'
import type { Answer, Route } from './route.ts'
import { serverRoutes } from './servers.ts'

/** What the operator's API rests on. */
export interface OperatorParts {
  readonly config: Pick<Config, 'listen' | 'api' | 'dataDir' | 'stream'>
  readonly identity: Identity
  readonly policy: Policy
  /** Null where servers live in Nova's databases. */
  readonly registry: Registry | null
  readonly journal: Journal
  /** Null where casts go over RabbitMQ. */
  readonly stream: StreamCaster | null
  readonly replayer: Replayer
  readonly metrics: Metrics
  readonly happenings: Happenings
  readonly log: Log
  /** Never rejects. */
  readonly isReady: () => Readiness | Promise<Readiness>
}

/** Longest part of a path: more than Node takes as a request's head by default. */
const MAX_PARAM_LENGTH = 65_536

/**
 * The operator's API: the route table, behind what all routes have in common. The way of a request: its id, then its route, token
 * and policy, media type, body, then the handler with what its schemas let through.
 */
export async function createOperatorApi(parts: OperatorParts): Promise<HttpApi> {
  const { config, log } = parts
  const live = createLiveStreams({ ...parts, heartbeatMs: config.stream.heartbeatMs })
  const routes = operatorRoutes({ ...parts, dataDir: config.dataDir, live })
  const app = fastify({
    bodyLimit: config.api.maxBodyBytes,
    genReqId: newRequestId,
    rewriteUrl: ({ url = '/' }) => stripPrefix(url, config.listen.pathPrefix),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => {
      identify(request, reply)
      return refuse(reply, toApiError(error, request.id, log))
    },
  })
  app.addHook('onRequest', async (request, reply) => identify(request, reply))
  app.addHook('onResponse', async ({ id: requestId, method, url }, { statusCode: status, elapsedTime: ms }) =>
    log.debug({ requestId, method, url, status, ms }, 'answered'),
  )
  app.setErrorHandler((error, request, reply) => refuse(reply, toApiError(error, request.id, log)))
  app.setNotFoundHandler(notFound(routes))
  const guard = createGuard(parts)
  app.register(async (scope) => {
    takeJson(scope)
    for (const route of routes) if (route.lines === undefined) addRoute(scope, route, guard)
  })
  app.register(async (scope) => {
    takeLines(scope)
    for (const route of routes) if (route.lines !== undefined) addRoute(scope, route, guard)
  })
  await app.ready()
  return {
    handle: (request, response) => app.routing(request, response),
    close: async () => {
      live.close()
      await parts.stream?.close()
    },
  }
}

/** The route table. */
function operatorRoutes(
  parts: Parameters<typeof serverRoutes>[0] &
    Parameters<typeof hostRoutes>[0] &
    Parameters<typeof eventRoutes>[0] &
    Parameters<typeof replayRoutes>[0] &
    Parameters<typeof healthRoutes>[0],
): readonly Route[] {
  const events = [...eventRoutes(parts), ...replayRoutes(parts)]
  const routes = [...serverRoutes(parts), ...hostRoutes(parts), ...events, ...healthRoutes(parts)]
  return [...routes, openapiRoute(routes)]
}

/** On the response itself, so that streams have it too. */
function identify(request: FastifyRequest, reply: FastifyReply): void {
  reply.raw.setHeader('x-openstack-request-id', request.id)
}

/** Who sent a request, from the guard to its handler. */
const callers = new WeakMap<IncomingMessage, Caller>()

function addRoute(scope: FastifyInstance, route: Route, guard: Guard): void {
  const { method, path, rule } = route
  scope.route({
    method,
    url: toFastifyPath(path),
    // A HEAD of a stream would be a stream of nothing.
    exposeHeadRoute: method === 'GET' && route.events === undefined,
    ...(rule !== null && {
      onRequest: async (request) => void callers.set(request.raw, await guard(request.raw.headers, rule, request.id)),
    }),
    handler: async (request, reply) => {
      const queryText = request.url.split('?').slice(1).join('?')
      const { params: path, body, raw, id: requestId } = request
      return send(reply, await route.run({ path, queryText, body, raw, requestId, caller: callers.get(raw) ?? null }))
    },
  })
}

function send(reply: FastifyReply, answer: Answer<unknown>): FastifyReply {
  switch (answer.kind) {
    case 'json':
      return reply.code(answer.status).type('application/json').send(JSON.stringify(answer.body))
    case 'text':
      return reply.code(answer.status).type(answer.type).send(answer.body)
    case 'empty':
      return reply.code(answer.status).send()
    case 'stream':
      reply.hijack()
      answer.serve(reply.raw)
      return reply
  }
}

function refuse(reply: FastifyReply, { fault, status, message, headers }: ApiError): FastifyReply {
  return reply.code(status).headers(headers).type('application/json').send(renderFault(fault, message))
}

/** No such path, or no such method on it. */
function notFound(routes: readonly Route[]): (request: FastifyRequest) => never {
  const methodsOf = createPathIndex(routes)
  return (request) => {
    const [path = '/'] = request.url.split('?')
    const methods = methodsOf(path)
    if (methods.length === 0)
      throw new ApiError('itemNotFound', `expected a path of /openapi.json, got ${JSON.stringify(path.slice(0, 200))}`)
    const allowed = methods.join(', ')
    throw new ApiError('badMethod', `expected one of the methods ${allowed}, got ${request.method}`, { allow: allowed })
  }
}

/** Bodies are JSON in UTF-8. */
function takeJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: FastifyRequest, body: Buffer) =>
    parseJson(body),
  )
}

/** Bodies are newline-delimited JSON of any length, left to the handler. */
function takeLines(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/x-ndjson', async () => undefined)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new ApiError('badRequest', 'body: expected JSON in UTF-8')
  }
}
