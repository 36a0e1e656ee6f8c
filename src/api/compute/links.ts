import type { IncomingMessage } from 'node:http'
import type { Links } from './versions.ts'

/** How requests say where they were sent to. */
export interface LinkOptions {
  /** Whether `Forwarded` and `X-Forwarded-*` are believed. */
  readonly proxyHeaders: boolean
  readonly computeLinkPrefix: string | null
}

/** Where a client sees this service, as far as the request and the proxies in front tell. */
export interface Origin {
  readonly scheme: string
  readonly host: string
  /** What a proxy says it has taken off the path. */
  readonly prefix: string
  /** The client's address, as the last proxy tells it; null: the peer's own. */
  readonly client: string | null
}

/** Source: oslo_middleware/http_proxy_to_wsgi.py: the first proxy of `Forwarded` counts, and rules out X-Forwarded-Proto, -Host and -For. */
export function originOf(request: IncomingMessage, believesProxies: boolean): Origin {
  const host = request.headers.host || localAddress(request)
  if (!believesProxies) return { scheme: 'http', host, prefix: '', client: null }
  const forwarded = header(request, 'forwarded')
  const said = forwarded === '' ? legacyProxy(request) : parseForwarded(forwarded)
  return {
    scheme: said.proto || 'http',
    host: said.host || host,
    prefix: header(request, 'x-forwarded-prefix'),
    client: said.for || null,
  }
}

interface Proxy {
  readonly proto: string
  readonly host: string
  readonly for: string
}

function legacyProxy(request: IncomingMessage): Proxy {
  return {
    proto: header(request, 'x-forwarded-proto'),
    host: header(request, 'x-forwarded-host'),
    for: header(request, 'x-forwarded-for'),
  }
}

function parseForwarded(value: string): Proxy {
  const [first = ''] = value.split(',')
  const said = new Map(
    first.split(';').map((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [pair.trim().toLowerCase(), ''] : [pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim()]
    }),
  )
  return { proto: said.get('proto') ?? '', host: said.get('host') ?? '', for: said.get('for') ?? '' }
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}

function localAddress({ socket }: IncomingMessage): string {
  const address = socket.localAddress ?? 'localhost'
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort ?? 80}`
}

/** The links for a request to what is mounted at `scriptName`. */
export function linksFor(request: IncomingMessage, scriptName: string, pathInfo: string, options: LinkOptions): Links {
  const { scheme, host, prefix } = originOf(request, options.proxyHeaders)
  const script = quote(prefix + scriptName)
  const base = `${scheme}://${withoutDefaultPort(scheme, host)}${script}`
  return {
    base: options.computeLinkPrefix ? withLinkPrefix(options.computeLinkPrefix, script) : base,
    path: script + quote(pathInfo),
  }
}

/** Source: webob/request.py host_url. */
function withoutDefaultPort(scheme: string, host: string): string {
  const at = host.endsWith(']') ? -1 : host.lastIndexOf(':')
  if (at < 0) return host
  const port = host.slice(at + 1)
  const isDefault = (scheme === 'http' && port === '80') || (scheme === 'https' && port === '443')
  return isDefault || port === '' ? host.slice(0, at) : host
}

/** `[api] compute_link_prefix` stands for scheme and host; its path comes before ours. */
function withLinkPrefix(prefix: string, script: string): string {
  return `${prefix}${script}`.replace(/\/+$/, '')
}

/** `urllib.parse.quote` with WebOb's PATH_SAFE: encodeURI, and two characters more. */
function quote(path: string): string {
  return encodeURI(path.toWellFormed()).replaceAll('?', '%3F').replaceAll('#', '%23')
}
