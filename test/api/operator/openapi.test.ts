import { beforeAll, describe, expect, it } from 'vitest'
import type { JsonSchema, Schema } from '../../../src/api/operator/schema.ts'
import * as wire from '../../../src/api/operator/wire.ts'
import { decided, submission } from '../../journal/journal-file.ts'
import { type RunningApi, startApi } from './running-api.ts'

interface Operation {
  readonly security: readonly unknown[]
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: JsonSchema }[]
  readonly responses: Readonly<Record<string, unknown>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

let api: RunningApi
let document: Document
beforeAll(async () => {
  api = await startApi()
  document = (await api.ask('GET', '/openapi.json')).body as Document
  return api.close
})

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )

describe('the document', () => {
  it('has every route of the API', () => {
    expect(operations().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /novacast/v1/servers',
      'POST /novacast/v1/servers',
      'GET /novacast/v1/servers/{uuid}',
      'PUT /novacast/v1/servers/{uuid}',
      'DELETE /novacast/v1/servers/{uuid}',
      'GET /novacast/v1/hosts',
      'GET /novacast/v1/hosts/{host}',
      'GET /novacast/v1/hosts/{host}/events',
      'POST /novacast/v1/hosts/{host}/acks',
      'GET /novacast/v1/events',
      'GET /novacast/v1/events/stream',
      'GET /novacast/v1/events/{id}',
      'POST /novacast/v1/events/replay',
      'POST /novacast/v1/events/{id}/replay',
      'GET /healthcheck',
      'GET /readyz',
      'GET /livez',
      'GET /metrics',
      'GET /openapi.json',
    ])
  })

  it('says of every path which methods there are, and they are', async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const { status, headers } = await api.ask('PATCH', path.replace(/\{\w+\}/, 'x'))
      expect(status).toBe(405)
      const allowed = (headers.get('allow') ?? '').split(', ').filter((method) => method !== 'HEAD')
      expect({ path, allowed }).toEqual({ path, allowed: Object.keys(methods).map((method) => method.toUpperCase()) })
    }
  })

  it('says what needs a token', async () => {
    for (const { method, path, operation } of operations()) {
      const { status } = await api.ask(method, path.replace(/\{\w+\}/, 'x'), { headers: { 'x-auth-token': '' } })
      expect({ method, path, needsToken: operation.security.length > 0 }).toEqual({ method, path, needsToken: status === 401 })
    }
  })

  it('names the parameters of each path, and refers to nothing that is not there', () => {
    for (const { path, operation } of operations()) {
      const inPath = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`)
      expect(path.match(/\{\w+\}/g) ?? []).toEqual(inPath)
    }
    for (const [, name = ''] of JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(Object.keys(document.components.schemas)).toContain(name)
  })

  it('says of a query parameter what the API takes', async () => {
    for (const { method, path, operation } of operations().filter((each) => each.method === 'GET'))
      for (const { name, in: place, schema } of operation.parameters) {
        if (place !== 'query' || schema['type'] !== 'integer') continue
        const values = {
          [Number(schema['minimum'])]: 200,
          [Number(schema['maximum'])]: 200,
          [Number(schema['maximum']) + 1]: 400,
        }
        for (const [value, status] of Object.entries(values))
          expect((await api.ask(method, `${path}?${name}=${value}`)).status).toBe(status)
      }
  })
})

describe('the answers', () => {
  it('are what their schemas say', async () => {
    const event = decided(['compute-1'])
    await api.journal.commit(submission([event, decided([])]))
    await api.client.servers.put(event.event.serverId, { host: 'compute-1' })
    const fits = async (path: string, schema: Schema<unknown>, name?: string) => {
      const { body } = await api.ask('GET', path)
      const found = name === undefined ? [body] : (body as Record<string, unknown[]>)[name]
      expect(found?.length).toBeGreaterThan(0)
      for (const each of found ?? []) expect(schema.parse(each, path)).toEqual(each)
    }
    await fits('/novacast/v1/servers', wire.registeredServer, 'servers')
    await fits('/novacast/v1/hosts', wire.hostState, 'hosts')
    await fits('/novacast/v1/hosts/compute-1', wire.hostState)
    await fits('/novacast/v1/events', wire.eventRecord, 'events')
    await fits(`/novacast/v1/events/${event.id}`, wire.eventRecord)
  })
})
