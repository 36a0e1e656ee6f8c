import { createServer, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import type { Log } from '../observe/log.ts'
import { createSeldom } from '../observe/seldom.ts'
import { createConnections } from './connections.ts'
import { handOn } from './hand-on.ts'
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

const DROPPED_EVERY_MS = 10_000

/** Where to listen: at an address (port 0: any that is free), or on a socket that whoever started this process has opened. */
export type ListenAt =
  | { readonly kind: 'address'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'socket'
      readonly fd: number
      /** Why it may not listen on the address that the socket turns out to have; null where it may. */
      readonly objectionTo?: (address: string) => string | null
    }

/** Nova's API and the operator's. */
export interface Apis {
  readonly compute: HttpApi
  readonly operator: HttpApi
}

/**
 * The one HTTP server: Nova's API and the operator's behind one port.
 *
 *     answering ──hold()──► holding: requests wait ──handOn()──► another process answers them
 *         ▲                      │
 *         └────────open()────────┘
 */
export interface Front {
  /** Takes the address or socket. Rejects when it cannot be had. */
  listen(at: ListenAt): Promise<{ readonly url: string }>
  /** What listens, for a process that is started to inherit. */
  readonly server: Server
  /**
   * From now on every answer ends its connection, so that nobody is left who would send the next request into one that is being closed.
   * Resolves when no connection waits for its next request any more, or after `patienceMs`. New ones are still taken.
   */
  retire(patienceMs: number): Promise<void>
  /** Lets what comes from now on wait. */
  hold(): void
  /** Ends streams, and resolves when all that is under way now is answered or, after `graceMs`, cut off. */
  finish(graceMs: number): Promise<void>
  /** These answer from now on, first what waits. */
  open(apis: Apis): void
  /**
   * Takes no new connections: the process that listens on the same socket does. It also answers what waits here and what still comes over
   * the connections that are there. Resolves when these are gone.
   */
  handOn(): Promise<void>
  /** Stops accepting, lets requests under way finish, and after `graceMs` ends what is left. Closing twice is closing once. */
  close(graceMs: number): Promise<void>
}

/** The roots of the operator's API, at the root or behind the prefix. */
const OPERATOR_PATH = /^\/(?:novacast|healthcheck|livez|readyz|metrics|console|openapi\.json)(?:[/?]|$)/

type Handle = HttpApi['handle']

/** Makes the server; it takes no port yet. */
export function createFront({ compute, operator, config, log, limits = {} }: FrontParts): Front {
  const { pathPrefix } = config.listen
  const server = createHttpServer({ ...LIMITS, ...limits })
  const connections = createConnections(server)
  const answerWith = (apis: Apis): Handle => {
    return (request, response) =>
      (isOperatorPath(request.url ?? '/', pathPrefix) ? apis.operator : apis.compute).handle(request, response)
  }
  let apis: Apis = { compute, operator }
  let handle = answerWith(apis)
  const held: Parameters<Handle>[] = []
  /** Once it hands on: resolves when no connection is left. */
  let gone: Promise<void> | null = null
  let closing: Promise<void> | null = null

  const serve: Handle = (request, response) => {
    connections.began(request.socket, response)
    handle(request, response)
  }
  const go = (next: Handle) => {
    handle = next
    for (const [request, response] of held.splice(0)) if (!response.closed) next(request, response)
  }
  server.on('request', serve)
  // Expectations other than 100-continue are Nova's to ignore, not Node's to refuse.
  server.on('checkExpectation', serve)
  server.on('clientError', (error, socket) => answerParserError(error, socket, connections.answering(socket), log))
  server.on('connect', (_request, socket) => answerParserError(new Error('CONNECT'), socket, undefined, log))
  // Anybody can have it said as often as they like to.
  const seldom = createSeldom(DROPPED_EVERY_MS)
  server.on('drop', () =>
    seldom((times) => log.warn({ times }, 'a connection was closed at once: there are as many as there may be')),
  )

  return {
    listen: async (at) => ({ url: urlOf(await listen(server, at)) }),
    server,
    retire: (patienceMs) => {
      connections.endWithNextAnswer()
      return connections.idleGone(patienceMs)
    },
    hold: () => {
      handle = (request, response) => void held.push([request, response])
    },
    finish: async (graceMs) => {
      const answered = connections.answered(graceMs)
      await closeApis(apis)
      await answered
    },
    open: (next) => {
      apis = next
      go(answerWith(next))
    },
    handOn: () => {
      const address = server.address()
      if (address === null) throw new Error('this server does not listen')
      connections.endWithNextAnswer()
      // Of net, not of http, which would end connections that wait for their next request.
      gone = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
      go((request, response) => handOn(request, response, address))
      return gone
    },
    close: (graceMs) => {
      connections.endWithNextAnswer()
      closing ??= shutDown(server, gone, apis, graceMs)
      return closing
    },
  }
}

async function closeApis({ compute, operator }: Apis): Promise<void> {
  await Promise.all([compute.close(), operator.close()])
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

function listen(server: Server, at: ListenAt): Promise<AddressInfo | string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const where = at.kind === 'socket' ? { fd: at.fd } : { host: at.host, port: at.port }
    server.listen(where, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null) return reject(new Error(`no address was had for the ${at.kind} ${JSON.stringify(where)}`))
      const objection = (at.kind === 'socket' && typeof address === 'object' && at.objectionTo?.(address.address)) || null
      if (objection === null) return resolve(address)
      // Nothing has been taken from it yet.
      server.close()
      reject(new Error(objection))
    })
  })
}

function urlOf(listening: AddressInfo | string): string {
  if (typeof listening === 'string') return `unix:${listening}`
  const { address, family, port } = listening
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** How often connections that have become idle are looked for while the server closes. */
const IDLE_CHECK_MS = 50

async function shutDown(server: Server, gone: Promise<void> | null, apis: Apis, graceMs: number): Promise<void> {
  // Its callback is also called where it does not listen any more, then before the connections are gone.
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const patience = setTimeout(() => server.closeAllConnections(), graceMs)
  await closeApis(apis)
  await closed
  await gone
  clearInterval(idle)
  clearTimeout(patience)
}
