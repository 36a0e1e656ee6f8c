import { beforeAll, describe, expect, it } from 'vitest'
import { newServerId } from '../../journal/journal-file.ts'
import { collect } from '../../sdk/peer.ts'
import { startOther } from './other-api.ts'
import { type RunningApi, startApi } from './running-api.ts'

const A = '11111111-1111-4111-8111-111111111111'
const PATH = '/novacast/v1/servers'

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

describe('a server', () => {
  it('is created, replaced as a whole, shown and removed', async () => {
    const created = await api.ask('PUT', `${PATH}/${A}`, { body: { host: 'compute-1', project_id: 'p', name: 'web-1' } })
    expect(created.status).toBe(201)
    expect(created.body).toEqual({
      uuid: A,
      host: 'compute-1',
      moving_to: null,
      project_id: 'p',
      name: 'web-1',
      updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    })
    const replaced = await api.ask('PUT', `${PATH}/${A}`, { body: { host: null, moving_to: 'compute-2' } })
    expect(replaced.status).toBe(200)
    expect(replaced.body).toMatchObject({ host: null, moving_to: 'compute-2', project_id: null, name: null })
    expect((await api.ask('GET', `${PATH}/${A}`)).body).toEqual(replaced.body)
    expect(await api.ask('DELETE', `${PATH}/${A}`)).toMatchObject({ status: 204, text: '' })
    for (const method of ['GET', 'DELETE'])
      expect(await api.ask(method, `${PATH}/${A}`)).toMatchObject({
        status: 404,
        body: { itemNotFound: { code: 404, message: `Server ${A} is not registered` } },
      })
  })

  it.each<[unknown, string]>([
    [{ hots: 'compute-1' }, 'body: expected only host, moving_to, project_id, name, got "hots"'],
    [{ host: 5 }, 'body host: expected the name of a host (1 to 255 characters), got 5'],
    [{ host: '' }, 'body host: expected the name of a host (1 to 255 characters), got ""'],
    [{ moving_to: ['a'] }, 'body moving_to: expected the name of a host (1 to 255 characters), got a list'],
    [{ name: 'x'.repeat(256) }, `body name: expected text of at most 255 characters, got "${'x'.repeat(60)}…"`],
    ['"\\ud800"', 'body: expected an object, got "\\ud800"'],
    ['{"host": "\\ud800"}', 'body host: expected the name of a host (1 to 255 characters), got "\\ud800"'],
    ['{"__proto__": {"host": "a"}}', 'body: expected only host, moving_to, project_id, name, got "__proto__"'],
    ['[]', 'body: expected an object, got a list'],
    ['', 'body: expected JSON in UTF-8'],
    ['{"host": "compute-1"', 'body: expected JSON in UTF-8'],
  ])('is not registered with %j, and the message says why', async (body, message) => {
    const { status, body: answer } = await api.ask('PUT', `${PATH}/${A}`, { body })
    expect({ status, answer }).toEqual({ status: 400, answer: { badRequest: { code: 400, message } } })
  })

  it.each(['ABCDEF01-1111-4111-8111-111111111111', '11111111111141118111111111111111', 'nonsense', '%00'])(
    '%j is no uuid for one',
    async (uuid) => {
      for (const method of ['GET', 'PUT', 'DELETE'])
        expect((await api.ask(method, `${PATH}/${uuid}`, method === 'PUT' ? { body: {} } : {})).body).toMatchObject({
          badRequest: { message: expect.stringMatching(/^path uuid: expected a canonical uuid/) },
        })
    },
  )
})

describe('the list of servers', () => {
  it('comes in pages, by uuid, whole and without repeats', async () => {
    const uuids = Array.from({ length: 25 }, newServerId).sort()
    await api.registry.importServers(
      uuids.map((uuid, i) => ({ uuid, host: `compute-${i % 2}` as never, movingTo: null, projectId: null, name: null })),
    )
    const seen: string[] = []
    let next: string | null = null
    const sizes: number[] = []
    do {
      const { body } = await api.ask('GET', `${PATH}?limit=10${next === null ? '' : `&marker=${next}`}`)
      const page = body as { servers: { uuid: string }[]; next: string | null }
      sizes.push(page.servers.length)
      seen.push(...page.servers.map(({ uuid }) => uuid))
      next = page.next
    } while (next !== null)
    expect(sizes).toEqual([10, 10, 5])
    expect(seen).toEqual(uuids)
    expect((await collect(api.client.servers.list({ host: 'compute-1' }))).map(({ uuid }) => uuid)).toEqual(
      uuids.filter((_, i) => i % 2 === 1),
    )
  })

  it('ends with the page that is just full', async () => {
    await api.client.servers.put(A, { host: 'full' })
    expect((await api.ask('GET', `${PATH}?limit=1&host=full`)).body).toMatchObject({ servers: [{ uuid: A }], next: null })
  })

  it.each([
    ['limit=0', 'query limit: expected an integer from 1 to 1000, got 0'],
    ['limit=1001', 'query limit: expected an integer from 1 to 1000, got 1001'],
    ['limit=ten', 'query limit: expected an integer from 1 to 1000, got "ten"'],
    ['limit=', 'query limit: expected an integer from 1 to 1000, got ""'],
    ['limit=1&limit=2', 'query limit: expected once, got it twice'],
    ['limits=1', 'query: expected only limit, marker, host, got "limits"'],
    ['constructor=1', 'query: expected only limit, marker, host, got "constructor"'],
    ['__proto__=1', 'query: expected only limit, marker, host, got "__proto__"'],
    ['host=%zz', 'query: expected percent-encoded UTF-8, got "%zz"'],
    ['host=%ff', 'query: expected percent-encoded UTF-8, got "%ff"'],
    ['host=', 'query host: expected the name of a host (1 to 255 characters), got ""'],
    ['marker=x', 'query marker: expected a canonical uuid (lower case, with dashes), got "x"'],
  ])('does not take ?%s', async (query, message) => {
    expect(await api.ask('GET', `${PATH}?${query}`)).toMatchObject({ status: 400, body: { badRequest: { code: 400, message } } })
  })
})

describe('where servers live in Nova’s databases', () => {
  it('says that there is no registry', async () => {
    const { ask } = await startOther({ ...api, registry: null })
    expect(await ask('GET', PATH)).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: "There is no registry here: this novacast finds servers in Nova's databases" } },
    })
  })
})
