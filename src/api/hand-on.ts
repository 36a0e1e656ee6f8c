import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { renderFault } from './errors.ts'

/** Where another process answers: what a server says of its address. */
export type Address = AddressInfo | string

/**
 * Has another process answer a request that came over a connection of this one, byte for byte but for what concerns the connection,
 * which ends with this answer.
 */
export function handOn(request: IncomingMessage, response: ServerResponse, address: Address): void {
  const fail = () => {
    if (response.headersSent) return void response.destroy()
    const body = renderFault('serviceUnavailable', 'novacast is being replaced. Nothing was accepted; try again.')
    response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' }).end(body)
  }
  const onward = httpRequest({
    ...targetOf(address),
    method: request.method,
    path: request.url,
    headers: [...withoutHop(request.rawHeaders, REQUEST_HOP), 'Connection', 'close'],
    agent: false,
  })
  onward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutHop(answer.rawHeaders, HOP))
    answer.pipe(response)
    answer.once('error', () => response.destroy())
  })
  onward.once('error', fail)
  response.once('close', () => onward.destroy())
  request.pipe(onward)
}

/** An address that is all of this machine's is reached over loopback. */
function targetOf(address: Address) {
  if (typeof address === 'string') return { socketPath: address }
  const { address: host, port } = address
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return { host: host === '::' ? '::1' : host, port }
}

/** About the connection alone (RFC 9110, 7.6.1). */
const HOP: readonly string[] = ['connection', 'keep-alive', 'proxy-connection']
/** The body was asked for already. */
const REQUEST_HOP = [...HOP, 'expect']

function withoutHop(raw: readonly string[], hop: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const [name = '', value = ''] = raw.slice(i, i + 2)
    if (!hop.includes(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
