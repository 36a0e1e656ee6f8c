import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { KeystoneConfig } from '../../config/config.ts'
import { KeystoneTrouble } from './trouble.ts'

/** A whole answer. Header names are in lower case; of several lines of one name the first counts. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Sends requests to Keystone, again where the connection fails. Rejects with `KeystoneTrouble`. */
export interface KeystoneHttp {
  send(request: HttpRequest): Promise<HttpAnswer>
  /** Requests under way are given up. */
  close(): Promise<void>
}

/** For a connection, and for the answer to begin, where http_connect_timeout says nothing. */
const TIMEOUT_MS = 10_000

/** However many tokens are new at a time: Keystone has few workers, and more connections than that only wait inside it. */
const CONNECTIONS = 16

/** Far beyond the largest catalog. */
const MAX_ANSWER_BYTES = 8 * 2 ** 20

const FIRST_RETRY_MS = 100

/** What of the configuration says how to reach Keystone. */
export type HttpConfig = Pick<KeystoneConfig, 'cafile' | 'insecure' | 'connectTimeoutMs' | 'retries'>

/** Throws where cafile cannot be read. */
export function createHttp(config: HttpConfig): KeystoneHttp {
  const timeoutMs = config.connectTimeoutMs ?? TIMEOUT_MS
  const agent = new Agent({
    connect: createConnector(config, timeoutMs),
    connections: CONNECTIONS,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
  })
  const closing = new AbortController()

  /** As keystoneauth1's connect_retries: only what failed to reach Keystone is sent again, and not for longer than one time-out. */
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const start = performance.now()
    for (let attempt = 0; ; attempt++) {
      try {
        return await sendOnce(agent, request)
      } catch (error) {
        const isOver = attempt >= config.retries || performance.now() - start > timeoutMs || closing.signal.aborted
        if (isOver || !isConnectionFailure(error)) throw toTrouble(request, error)
        await sleep(FIRST_RETRY_MS * 2 ** attempt, undefined, { signal: closing.signal }).catch(() => {})
      }
    }
  }
  return {
    send,
    close: async () => {
      closing.abort()
      await agent.destroy()
    },
  }
}

async function sendOnce(agent: Agent, { url, method, headers, body }: HttpRequest): Promise<HttpAnswer> {
  const { origin, pathname, search } = new URL(url)
  const options: Dispatcher.RequestOptions = {
    origin,
    path: pathname + search,
    method,
    headers: { ...headers },
    body: body ?? null,
  }
  const answer = await agent.request(options)
  const found = Object.entries(answer.headers).flatMap(([name, value]) => {
    const first = Array.isArray(value) ? value[0] : value
    return first === undefined ? [] : [[name, first] as const]
  })
  return { status: answer.statusCode, headers: Object.fromEntries(found), text: await answer.body.text() }
}

/**
 * Certificates are verified against cafile alone where there is one, else against what Node and this machine trust. The machine's
 * are read (a tenth of a second) when the first TLS connection is made.
 */
function createConnector({ cafile, insecure }: HttpConfig, timeoutMs: number): buildConnector.connector {
  const ca = cafile === null ? null : readCafile(cafile)
  const plain = buildConnector({ timeout: timeoutMs })
  let secure: buildConnector.connector | null = null
  const makeSecure = () =>
    buildConnector({ timeout: timeoutMs, rejectUnauthorized: !insecure, ca: ca ?? [...new Set(trusted())] })
  return (options, callback) => {
    if (options.protocol !== 'https:') return plain(options, callback)
    secure ??= makeSecure()
    secure(options, callback)
  }
}

function trusted(): string[] {
  return [...getCACertificates('default'), ...getCACertificates('system')]
}

function readCafile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Error(`[keystone_authtoken] cafile: expected a file of PEM certificates that can be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

const CONNECTION_FAILURES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
])

function isConnectionFailure(error: unknown): boolean {
  return CONNECTION_FAILURES.has(codeOf(error))
}

function toTrouble({ method, url }: HttpRequest, cause: unknown): KeystoneTrouble {
  const { origin, pathname } = new URL(url)
  const message = `${method} ${origin}${pathname}: ${messageOf(cause)}`
  const isCertificate = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(codeOf(cause))
  const mend = isCertificate
    ? 'name in [keystone_authtoken] cafile a file with the certificate of the authority that signed Keystone’s, and use the name that it is for'
    : 'look whether Keystone runs there and can be reached from here; [keystone_authtoken] auth_url, region_name and interface say where'
  return new KeystoneTrouble(message, mend, { cause })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** Of a host with several addresses Node gives one error that says nothing and holds one for each. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
