import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './answer.ts'
import type { Mount } from './mount.ts'

/** A request on its way through the pipeline, and what has become known of it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly mount: Mount
  /** Undecoded, without the question mark. */
  readonly query: string
  /** `req-UUID`, ours. */
  readonly requestId: string
  /** The microversion that the answer names, once there is one. */
  echo: string | null
}

const GLOBAL_ID = /^req-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$/

/** The sender's own id for the request, where it is one of OpenStack's form. Source: oslo_middleware/request_id.py. */
export function globalRequestId(request: IncomingMessage): string | null {
  const id = request.headers['x-openstack-request-id']
  return typeof id === 'string' && GLOBAL_ID.test(id) ? id : null
}

/**
 * Sends an answer with all that answers of its kind carry. Answers to OPTIONS are CORS' in Nova, which knows nothing but success.
 * Source: oslo_middleware/cors.py. `mustClose`: what is left of the body is more than we care to read.
 */
export function send({ request, response, mount, requestId, echo }: Exchange, answer: Answer, mustClose: boolean): number {
  const close = mustClose ? ['Connection', 'close'] : []
  if (request.method === 'OPTIONS' && answer.status >= 300) {
    response.writeHead(200, ['Content-Length', '0', ...close]).end()
    return 200
  }
  const { status, type, body, headers } = answer
  const all = ['Content-Type', type, 'Content-Length', String(body.length), ...headers, ...close]
  if (echo !== null) all.push(...versionHeaders(echo))
  // Nova's root stands before what gives requests their ids.
  if (mount.kind !== 'versions') all.push('X-Openstack-Request-Id', requestId, 'X-Compute-Request-Id', requestId)
  response.writeHead(status, all).end(body, 'latin1')
  return status
}

function versionHeaders(echo: string): readonly string[] {
  return [
    'OpenStack-API-Version',
    `compute ${echo}`,
    'X-OpenStack-Nova-API-Version',
    echo,
    'Vary',
    'OpenStack-API-Version',
    'Vary',
    'X-OpenStack-Nova-API-Version',
  ]
}
