import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { request as send } from 'node:http'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { MAX_LINE_BYTES } from '../../../src/api/operator/server-lines.ts'
import { startApiProcess } from './api-process.ts'
import { type RunningApi, startApi } from './running-api.ts'

const A = '11111111-1111-4111-8111-111111111111'
const B = '22222222-2222-4222-8222-222222222222'
const PATH = '/novacast/v1/servers'

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

const post = (body: string, contentType = 'application/x-ndjson') =>
  api.ask('POST', PATH, { body, headers: { 'content-type': contentType } })

const listed = async () => {
  const { body } = await api.ask('GET', PATH)
  return (body as { servers: { uuid: string; host: string | null }[] }).servers.map(({ uuid, host }) => `${uuid} ${host}`)
}

describe('an import', () => {
  it('takes a server a line; the last word on a server counts', async () => {
    const lines = [
      `{"uuid": "${A}", "host": "compute-1", "moving_to": null, "project_id": "p", "name": "n"}`,
      '',
      `{"uuid": "${B}"}\r`,
      `{"uuid": "${A}", "host": "compute-2"}`,
    ]
    expect(await post(lines.join('\n'), 'application/x-ndjson; charset=utf-8')).toMatchObject({
      status: 200,
      body: { imported: 3 },
    })
    expect(await listed()).toEqual([`${A} compute-2`, `${B} null`])
    expect(await post('')).toMatchObject({ status: 200, body: { imported: 0 } })
    for (const uuid of [A, B]) await api.client.servers.remove(uuid)
  })

  it.each([
    ['nonsense', 'expected a JSON object like {"uuid": "…", "host": "compute-1"}, got "nonsense"'],
    ['{"uuid": "nonsense"}', 'uuid: expected a canonical uuid (lower case, with dashes), got "nonsense"'],
    ['{"host": "compute-1"}', 'uuid: expected a canonical uuid (lower case, with dashes), got nothing'],
    [`{"uuid": "${B}", "hots": "a"}`, ': expected only uuid, host, moving_to, project_id, name, got "hots"'],
    [`{"uuid": "${B}", "host": 1}`, 'host: expected the name of a host (1 to 255 characters), got 1'],
    [`["${B}"]`, ': expected an object, got a list'],
    [`{"uuid": "${B}", "name": "${'x'.repeat(MAX_LINE_BYTES)}"}`, `: expected at most ${MAX_LINE_BYTES} bytes`],
  ])('imports nothing when a line is %s', async (line, said) => {
    const { status, body } = await post(`{"uuid": "${A}", "host": "compute-1"}\n${line}\n{"uuid": "${B}"}\n`)
    expect(status).toBe(400)
    expect((body as { badRequest: { message: string } }).badRequest.message.replace(/ :/, ':')).toContain(
      `line 2${said.startsWith(':') ? said : `${said.startsWith('expected') ? ':' : ''} ${said}`}`,
    )
    expect(await listed()).toEqual([])
  })

  it('imports nothing of what is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(`{"uuid": "${A}", "name": "`), Buffer.from([0xff]), Buffer.from('"}\n')])
    const response = await fetch(`${api.url}${PATH}`, {
      method: 'POST',
      headers: { 'x-auth-token': 'admin:admin', 'content-type': 'application/x-ndjson' },
      body: bytes,
    })
    expect(await response.json()).toEqual({ badRequest: { code: 400, message: 'line 1: expected UTF-8' } })
  })

  it('is refused before its end, and the connection goes on', async () => {
    const request = send(`${api.url}${PATH}`, {
      method: 'POST',
      headers: { 'x-auth-token': 'admin:admin', 'content-type': 'application/x-ndjson' },
    })
    request.write('nonsense\n')
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(400)
    expect(await text(response)).toContain('line 1')
    for (let i = 0; i < 100; i++) request.write('nonsense\n'.repeat(10_000))
    request.end()
    await once(request, 'close')
  })

  it('leaves no file behind', async () => {
    await post('nonsense')
    await post(`{"uuid": "${A}"}\n`)
    expect(readdirSync(api.config.dataDir).filter((name) => name.startsWith('import'))).toEqual([])
  })
})

describe('a million servers', () => {
  it('are imported in bounded memory, while others are served', { timeout: 300_000 }, async () => {
    const novacast = await startApiProcess()
    const peakMb = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${novacast.pid}/status`, 'utf8'))?.[1]) / 1024
    const beforeMb = peakMb()
    const line = (i: number) =>
      `{"uuid": "${i.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000", "host": "compute-${i % 1000}"}\n`
    async function* lines() {
      for (let i = 0; i < 1_000_000; i += 1000) yield Array.from({ length: 1000 }, (_, k) => line(i + k)).join('')
    }
    let isOver = false
    let slowestMs = 0
    const others = (async () => {
      while (!isOver) {
        const startedAt = performance.now()
        expect((await fetch(`${novacast.url}/livez`)).status).toBe(200)
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    const startedAt = performance.now()
    expect(await novacast.client.servers.import(lines())).toBe(1_000_000)
    isOver = true
    await others
    const seconds = (performance.now() - startedAt) / 1000
    console.log(
      `a million servers in ${seconds.toFixed(1)} s; memory ${beforeMb.toFixed(0)} -> ${peakMb().toFixed(0)} MB; others waited ${slowestMs.toFixed(0)} ms at most`,
    )
    expect(peakMb() - beforeMb).toBeLessThan(150)
    expect(await novacast.client.servers.get('000f423f-0000-4000-8000-000000000000')).toMatchObject({ host: 'compute-999' })
  })
})
