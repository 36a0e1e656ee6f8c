import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFront } from '../../src/api/front.ts'
import type { HttpApi } from '../../src/api/parts.ts'
import { createLog } from '../../src/observe/log.ts'
import { type RunningNovacast, startNovacast } from '../support/novacast.ts'
import { parseAnswer, sendRaw } from '../support/raw-http.ts'

const LIMITS = { headersTimeoutMs: 2000, requestTimeoutMs: 3000, checkIntervalMs: 50, keepAliveTimeoutMs: 5000 }
/** After which every slow request must have had its answer, on a machine that is busy. */
const DEADLINE_MS = 30_000
const ACTION = '/v2.1/os-server-external-events'

let novacast: RunningNovacast
beforeAll(async () => {
  novacast = await startNovacast({ conf: '[novacast]\npath_prefix = /compute\n', limits: LIMITS })
})
afterAll(() => novacast.close())

/** What a connection is told until it is closed, while `feed` goes on writing. */
function converse(feed: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(novacast.port, '127.0.0.1', () => feed(socket))
    let heard = ''
    socket.setTimeout(DEADLINE_MS, () => reject(new Error(`still open after ${DEADLINE_MS} ms; heard: ${heard}`)))
    socket.on('data', (piece) => {
      heard += piece.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(heard))
  })
}

/** Writes a character every now and then, for as long as anybody listens. */
function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), 30)
  socket.on('close', () => clearInterval(timer))
}

function answerOf(text: string) {
  const answer = parseAnswer(Buffer.from(text, 'latin1'))
  return { status: answer?.status, body: JSON.parse(answer?.body.toString() ?? 'null') as unknown }
}

const head = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`

describe('the front', () => {
  it('answers 408 to whoever sends a head too slowly, and others go on meanwhile', async () => {
    const slow = Promise.all(
      Array.from({ length: 50 }, () =>
        converse((socket) => {
          socket.write(`POST ${ACTION} HTTP/1.1\r\nHost: x\r\nX-Slow: `)
          drip(socket)
        }),
      ),
    )
    for (let i = 0; i < 20; i++) expect((await fetch(`${novacast.url}/v2.1/`)).status).toBe(200)
    for (const text of await slow) {
      const { status, body } = answerOf(text)
      expect(status).toBe(408)
      expect(body).toHaveProperty('requestTimeout.code', 408)
    }
  })

  it.each([
    ['a body that stops', (socket: Socket) => socket.write('{"eve')],
    ['a body that drips', drip],
    ['no body at all', () => {}],
  ])('answers 408 to %s', async (_what, feed) => {
    const lines = [`POST ${ACTION} HTTP/1.1`, 'Host: x', 'X-Auth-Token: admin:admin', 'Content-Length: 5000']
    const text = await converse((socket) => {
      socket.write(head(lines))
      feed(socket)
    })
    expect(answerOf(text).status).toBe(408)
  })

  it('closes a connection that says nothing', async () => {
    expect(await converse(() => {})).toMatch(/^$|^HTTP\/1\.1 408 /)
  })

  it.each([
    ['a head beyond 64 KiB', head(['GET / HTTP/1.1', 'Host: x', `X-Large: ${'x'.repeat(70_000)}`]), 431, 'headersTooLarge'],
    ['no HTTP', 'hello\r\n\r\n', 400, 'badRequest'],
    ['a method nobody knows', head(['FOO / HTTP/1.1', 'Host: x']), 400, 'badRequest'],
    ['two lengths', head(['POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Content-Length: 2']), 400, 'badRequest'],
    [
      'a length and chunks',
      head(['POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Transfer-Encoding: chunked']),
      400,
      'badRequest',
    ],
    [
      'bad chunks',
      `${head([`POST ${ACTION} HTTP/1.1`, 'Host: x', 'X-Auth-Token: admin:admin', 'Transfer-Encoding: chunked'])}zz\r\n`,
      400,
      'badRequest',
    ],
    ['CONNECT', head(['CONNECT example.com:80 HTTP/1.1', 'Host: x']), 400, 'badRequest'],
    ['a target that is no path', head(['GET * HTTP/1.1', 'Host: x', 'Connection: close']), 400, 'badRequest'],
  ])("answers %s in Nova's envelope", async (_what, bytes, status, fault) => {
    const answer = await sendRaw(novacast.port, Buffer.from(bytes))
    expect(answer?.status).toBe(status)
    expect(JSON.parse(answer?.body.toString() ?? '')).toHaveProperty([fault, 'code'], status)
  })

  it('refuses a body beyond the limit at once, without waiting for it', async () => {
    const lines = [`POST ${ACTION} HTTP/1.1`, 'Host: x', 'Content-Length: 10000000000']
    const text = await converse((socket) => socket.write(head(lines)))
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(text).toContain('Connection: close')
  })

  it('takes a head of up to 64 KiB, with as many headers as it holds', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => `X-${i}: v`)
    const answer = await sendRaw(
      novacast.port,
      Buffer.from(head(['GET /v2.1/ HTTP/1.1', 'Host: x', ...many, 'OpenStack-API-Version: compute 2.51', 'Connection: close'])),
    )
    expect(answer?.headers.get('openstack-api-version')).toEqual(['compute 2.51'])
  })

  it('joins headers that came twice, as WSGI servers do: a second Content-Type makes none that is supported', async () => {
    const lines = [
      'GET /v2.1/ HTTP/1.1',
      'Host: x',
      'Content-Type: application/json',
      'Content-Type: application/xml',
      'Connection: close',
    ]
    expect((await sendRaw(novacast.port, Buffer.from(head(lines))))?.status).toBe(415)
  })

  it('keeps a connection for many requests, answered in order', async () => {
    const versions = /OpenStack-API-Version: compute (\S+)/g
    const request = (version: string) => head(['GET /v2.1/ HTTP/1.1', 'Host: x', `OpenStack-API-Version: compute ${version}`])
    const text = await converse((socket) => {
      socket.write(['2.1', '2.2', '2.3'].map(request).join(''))
      let heard = ''
      socket.on('data', (piece) => {
        heard += piece.toString('latin1')
        if (heard.match(versions)?.length === 3) socket.end()
      })
    })
    expect(text.match(versions)).toEqual(['2.1', '2.2', '2.3'].map((each) => `OpenStack-API-Version: compute ${each}`))
  })

  it.each([
    '/healthcheck',
    '/compute/healthcheck',
    '/livez',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/compute/novacast/v1/hosts',
  ])("hands %s to the operator's API", async (path) => {
    expect((await fetch(novacast.url + path, { headers: { 'X-Auth-Token': 'admin:admin' } })).status).toBe(200)
  })

  it.each(['/healthchecks', '/v2.1/healthcheck', '/novacas', '/computer/metrics'])("hands %s to Nova's", async (path) => {
    expect([300, 401]).toContain((await fetch(novacast.url + path, { headers: { 'X-Auth-Token': '' } })).status)
  })
})

describe('closing', () => {
  const log = createLog({ level: 'silent' })
  const slowly = (ms: number, onRequest = () => {}): HttpApi => ({
    handle: (_request, response) => {
      onRequest()
      setTimeout(() => response.end('done'), ms)
    },
    close: async () => {},
  })

  async function open(api: HttpApi) {
    const front = createFront({ compute: api, operator: api, config: { listen: { pathPrefix: '' } }, log })
    const { url } = await front.listen({ kind: 'address', host: '127.0.0.1', port: 0 })
    return { front, url }
  }

  it('lets requests under way finish, and takes no more', async () => {
    const begun = Promise.withResolvers<void>()
    const { front, url } = await open(slowly(300, begun.resolve))
    const agent = new Agent({ keepAlive: true })
    const answer = new Promise<string>((resolve, reject) => {
      get(url, { agent }, (response) => response.setEncoding('utf8').on('data', resolve)).on('error', reject)
    })
    await begun.promise
    const closed = front.close(5000)
    await expect(fetch(url)).rejects.toThrow()
    expect(await answer).toBe('done')
    await closed
    await front.close(5000)
    agent.destroy()
  })

  it('ends what is left when its patience is over', async () => {
    const begun = Promise.withResolvers<void>()
    const { front, url } = await open(slowly(60_000, begun.resolve))
    const answer = fetch(url)
    const failed = expect(answer).rejects.toThrow()
    await begun.promise
    await front.close(100)
    await failed
  })

  it('lets what comes wait while it is held, and has whoever is opened then answer it', async () => {
    const { front, url } = await open(slowly(0))
    expect(await (await fetch(url)).text()).toBe('done')
    front.hold()
    await front.finish(5000)
    const waiting = fetch(url, { method: 'POST', body: 'x'.repeat(100_000) })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const heard: number[] = []
    const next: HttpApi = {
      handle: (request, response) =>
        void request.on('data', (piece) => heard.push(piece.length)).on('end', () => response.end('next')),
      close: async () => {},
    }
    front.open({ compute: next, operator: next })
    expect(await (await waiting).text()).toBe('next')
    expect(heard.reduce((sum, length) => sum + length, 0)).toBe(100_000)
    await front.close(5000)
  })

  it('says so when the address is taken', async () => {
    const { front, url } = await open(slowly(0))
    const second = createFront({ compute: slowly(0), operator: slowly(0), config: { listen: { pathPrefix: '' } }, log })
    await expect(second.listen({ kind: 'address', host: '127.0.0.1', port: Number(new URL(url).port) })).rejects.toThrow(
      /EADDRINUSE/,
    )
    await front.close(100)
  })
})
