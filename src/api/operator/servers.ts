import type { ServerId } from '../../events/event.ts'
import type { Log } from '../../observe/log.ts'
import type { Registry } from '../../servers/registry/registry.ts'
import { ApiError } from '../errors.ts'
import { importServers } from './import-servers.ts'
import { given, pageLimit, toPage } from './query.ts'
import { renderServer } from './render.ts'
import { json, type Route, route } from './route.ts'
import { integer, list, nullable, object, optional } from './schema.ts'
import { toServerEntry } from './server-entry.ts'
import { hostName, registeredServer, serverFields, serverLine, serverUuid } from './wire.ts'

/** What the routes of servers need. */
export interface ServersParts {
  /** Null where servers live in Nova's databases. */
  readonly registry: Registry | null
  /** Where an import waits until it is known to be good. */
  readonly dataDir: string
  readonly log: Log
}

const PATH = '/novacast/v1/servers'
const ONE = `${PATH}/{uuid}`
const params = object({ uuid: serverUuid })

/** Registered servers: which server is on which host. */
export function serverRoutes({ registry, dataDir, log }: ServersParts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      rule: 'novacast:servers:read',
      summary: 'Lists registered servers, by uuid.',
      query: object({ limit: pageLimit, marker: optional(serverUuid), host: optional(hostName) }),
      answers: { 200: 'A page; ask for the next one with `next` as `marker`.' },
      answer: object({ servers: list(registeredServer), next: nullable(serverUuid) }),
      handle: async ({ query: { limit, marker, host } }) => {
        const found = await required(registry).list({ limit: limit + 1, ...given({ after: marker, host }) })
        const { items, next } = toPage(found, limit, ({ uuid }) => uuid)
        return json({ servers: items.map(renderServer), next })
      },
    }),
    route({
      method: 'POST',
      path: PATH,
      rule: 'novacast:servers:write',
      summary: 'Registers or replaces any number of servers, a line each: all of them, or none when a line is bad.',
      lines: serverLine,
      answers: { 200: 'So many lines were imported.' },
      answer: object({ imported: integer(0) }),
      handle: async ({ raw, requestId }) => {
        const imported = await importServers(required(registry), raw, dataDir)
        log.info({ requestId, imported }, 'servers imported')
        return json({ imported })
      },
    }),
    route({
      method: 'GET',
      path: ONE,
      rule: 'novacast:servers:read',
      summary: 'Shows a registered server.',
      params,
      answers: { 200: 'The server.' },
      answer: registeredServer,
      handle: async ({ path: { uuid } }) => json(renderServer((await required(registry).get(uuid)) ?? unknown(uuid))),
    }),
    route({
      method: 'PUT',
      path: ONE,
      rule: 'novacast:servers:write',
      summary: 'Registers or replaces a server.',
      params,
      body: serverFields,
      answers: { 200: 'The server, replaced.', 201: 'The server, created.' },
      answer: registeredServer,
      handle: async ({ path: { uuid }, body }) => {
        const { created, server } = await required(registry).put(toServerEntry(uuid, body))
        return json(renderServer(server), created ? 201 : 200)
      },
    }),
    route({
      method: 'DELETE',
      path: ONE,
      rule: 'novacast:servers:write',
      summary: 'Removes a server from the registry.',
      params,
      answers: { 204: 'It is removed.' },
      handle: async ({ path: { uuid } }) =>
        (await required(registry).remove(uuid)) ? { kind: 'empty', status: 204 } : unknown(uuid),
    }),
  ]
}

function required(registry: Registry | null): Registry {
  if (registry !== null) return registry
  throw new ApiError('itemNotFound', "There is no registry here: this novacast finds servers in Nova's databases")
}

function unknown(uuid: ServerId): never {
  throw new ApiError('itemNotFound', `Server ${uuid} is not registered`)
}
