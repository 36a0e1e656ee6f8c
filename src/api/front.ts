import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Log } from '../observe/log.ts'
import { answerParserError } from './parser-error.ts'
import type { HttpApi } from './parts.ts'

/** What stands behind the port. */
export interface FrontParts {
  readonly compute: HttpApi
  readonly operator: HttpApi
  readonly config: { readonly listen: { readonly pathPrefix: string } }
  readonly log: Log
  readonly limits?: Partial<FrontLimits>
}

/** How much time and room a client gets. */
export interface FrontLimits {
  /** For a request's head, from its first byte (or the connection's) on. A sender has it ready: only an attacker needs longer. */
  readonly headersTimeoutMs: number
  /** For a whole request, body included: an import of a million servers (110 MB) at 3 Mbit/s. Answers may take any time: streams do. */
  readonly requestTimeoutMs: number
  /** Between requests. Longer than HAProxy (`timeout http-keep-alive`, pool-purge-delay) and clients' pools keep an idle connection,
   *  so that it is they who close it and no request is sent into a connection that we have just closed. */
  readonly keepAliveTimeoutMs: number
  /** How often the timeouts above are looked at. */
  readonly checkIntervalMs: number
  /** Of a request's head. Fernet tokens are some 250 bytes, tokens of other kinds up to 8 KiB; uWSGI takes 64 KiB at most. */
  readonly maxHeadBytes: number
  /** Ten thousand host agents with a stream each, and as many senders' connections again; beyond, new ones are closed at once. */
  readonly maxConnections: number
}

const LIMITS: FrontLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 75_000,
  checkIntervalMs: 1_000,
  maxHeadBytes: 64 * 1024,
  maxConnections: 32_768,
}

/** The one HTTP server: Nova's API and the operator's behind one port. */
export interface Front {
  /** Takes the port (0: any that is free). Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<{ readonly url: string }>
  /** Stops accepting, lets requests under way finish, and after `graceMs` ends what is left. Closing twice is closing once. */
  close(graceMs: number): Promise<void>
}

/** The roots of the operator's API, at the root or behind the prefix. */
const OPERATOR_PATH = /^\/(?:novacast|healthcheck|livez|readyz|metrics|console|openapi\.json)(?:[/?]|$)/

/** Makes the server; it takes no port yet. */
export function createFront({ compute, operator, config, log, limits = {} }: FrontParts): Front {
  const { pathPrefix } = config.listen
  const server = createHttpServer({ ...LIMITS, ...limits })
  const answering = new WeakMap<Duplex, ServerResponse>()
  let closing: Promise<void> | null = null

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    answering.set(request.socket, response)
    if (closing !== null) response.shouldKeepAlive = false
    const api = isOperatorPath(request.url ?? '/', pathPrefix) ? operator : compute
    api.handle(request, response)
  }
  server.on('request', serve)
  // Expectations other than 100-continue are Nova's to ignore, not Node's to refuse.
  server.on('checkExpectation', serve)
  server.on('clientError', (error, socket) => answerParserError(error, socket, answering.get(socket), log))
  server.on('connect', (_request, socket) => answerParserError(new Error('CONNECT'), socket, undefined, log))
  server.on('drop', () => log.warn('a connection was closed at once: there are as many as there may be'))

  return {
    listen: async (host, port) => ({ url: urlOf(await listen(server, host, port)) }),
    close: (graceMs) => {
      closing ??= shutDown(server, [compute, operator], graceMs)
      return closing
    },
  }
}

/** Node's parser is strict unless told otherwise; it is not. Duplicate headers are joined, as WSGI servers do, never dropped. */
function createHttpServer(limits: FrontLimits): Server {
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    joinDuplicateHeaders: true,
    maxHeaderSize: limits.maxHeadBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    // Peers that went away without a word are found out, also those that a stream waits for.
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  })
  server.maxConnections = limits.maxConnections
  // The head's size is the limit; Node would drop headers beyond a number of its own without a word.
  server.maxHeadersCount = 0
  return server
}

function isOperatorPath(url: string, prefix: string): boolean {
  return OPERATOR_PATH.test(url) || (prefix !== '' && url.startsWith(prefix) && OPERATOR_PATH.test(url.slice(prefix.length)))
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error(`no address was had for ${host}:${port}`))
      else resolve(address)
    })
  })
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** How often connections that have become idle are looked for while the server closes. */
const IDLE_CHECK_MS = 50

async function shutDown(server: Server, apis: readonly HttpApi[], graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const patience = setTimeout(() => server.closeAllConnections(), graceMs)
  await Promise.all(apis.map((api) => api.close()))
  await closed
  clearInterval(idle)
  clearTimeout(patience)
}
