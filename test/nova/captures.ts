import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CallContext } from '../../src/cast/cast.ts'
import type { CellId, EventId, HostName, ServerId } from '../../src/events/event.ts'
import type { EventName, EventStatus } from '../../src/events/names.ts'
import type { Delivery } from '../../src/journal/journal.ts'
import type { Instance, NovaValue } from '../../src/nova/instance.ts'

const DIRECTORY = join(import.meta.dirname, '../data/nova-messages')
export const CELL = 'a1b2c3d4-0000-4000-8000-00000000cel1' as CellId

/** A message of oslo.messaging, taken out of its envelope. */
export interface Message {
  readonly args: { readonly instances: readonly WireObject[]; readonly events: readonly WireObject[] }
  readonly _unique_id: string
  readonly _context_request_id: string
  readonly _context_timestamp: string
  readonly [key: string]: unknown
}

export interface WireObject {
  readonly 'nova_object.data': Readonly<Record<string, NovaValue>>
  readonly 'nova_object.changes'?: readonly string[]
  readonly [key: string]: unknown
}

export interface CapturedMessage {
  readonly exchange: string
  readonly routing_key: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: { readonly 'oslo.version': string; readonly 'oslo.message': string }
}

export interface CapturedEvent {
  readonly server_uuid: string
  readonly name: EventName
  readonly tag?: string
  readonly status?: EventStatus
}

/** What nova-api did for one request. */
export interface Capture {
  readonly name: string
  readonly request: {
    readonly headers: Readonly<Record<string, string>>
    readonly body: { readonly events: readonly CapturedEvent[] }
  }
  readonly accepted: readonly boolean[]
  readonly messages: readonly CapturedMessage[]
  readonly crossCell?: boolean
  readonly actions: readonly Readonly<Record<string, unknown>>[]
}

/** All of them, by name. */
export const captures: readonly Capture[] = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith('.json') && file !== 'caller.json')
  .map((file) => JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')))

/** The message inside of an envelope. */
export function messageOf(body: { readonly 'oslo.message': string }): Message {
  return JSON.parse(body['oslo.message'])
}

/** Who posted the captured requests, as Keystone told of the token. */
export function capturedContext(): CallContext {
  const caller = JSON.parse(readFileSync(join(DIRECTORY, 'caller.json'), 'utf8'))
  const url = 'http://127.0.0.1:18778'
  const endpoints = ['admin', 'public', 'internal'].map((face) => ({
    interface: face,
    region: 'RegionOne',
    region_id: 'RegionOne',
    url,
  }))
  return {
    caller: {
      userId: caller.user.id,
      userName: caller.user.name,
      userDomainId: caller.user.domain.id,
      projectId: caller.project.id,
      projectName: caller.project.name,
      projectDomainId: caller.project.domain.id,
      domainId: null,
      systemScope: null,
      roles: caller.roles.map((role: { name: string }) => role.name),
      serviceRoles: [],
      isAdminProject: true,
      catalog: caller.catalog_types.map((type: string) => ({ type, name: type, id: type, endpoints })),
    },
    token: '<the X-Auth-Token of the request>',
    isAdmin: true,
    remoteAddress: '127.0.0.1',
  }
}

/** The servers of a captured message, as their rows would be read. */
export function instancesOf(message: Message, isMovingAcrossCells: boolean): ReadonlyMap<ServerId, Instance> {
  const instances = message.args.instances.map(({ 'nova_object.data': data }) => {
    const uuid = String(data['uuid'])
    const projectId = data['project_id'] === null ? null : String(data['project_id'])
    return [uuid as ServerId, { uuid, cell: CELL, projectId, isMovingAcrossCells, data, readAtUs: 0 }] as const
  })
  return new Map(instances)
}

/** The deliveries to one host that a request comes to: those of its accepted events that are about these servers. */
export function deliveriesOf(capture: Capture, host: string, servers: ReadonlySet<string>, message: Message): Delivery[] {
  const { userId, userName, projectId } = capturedContext().caller
  return capture.request.body.events.flatMap((event, index) => {
    if (!capture.accepted[index] || !servers.has(event.server_uuid)) return []
    const { server_uuid, name, tag = null, status = 'completed' } = event
    return {
      eventId: `${capture.name}-${index}` as EventId,
      host: host as HostName,
      cell: CELL,
      event: { serverId: server_uuid as ServerId, name, status, tag },
      requestId: message._context_request_id,
      globalRequestId: capture.request.headers['X-OpenStack-Request-ID'] ?? null,
      receivedAtUs:
        Date.parse(`${message._context_timestamp.slice(0, 23)}Z`) * 1000 + Number(message._context_timestamp.slice(23)),
      sender: { userId, userName, projectId },
      attempts: 0,
      tries: 0,
    }
  })
}

/** The same, with what has no order put in one. */
export function inOrder(message: Message): Message {
  const tidy = (object: WireObject): WireObject => ({
    ...object,
    ...(object['nova_object.changes'] === undefined ? {} : { 'nova_object.changes': object['nova_object.changes'].toSorted() }),
  })
  const byId = (a: WireObject, b: WireObject) => Number(a['nova_object.data']['id']) - Number(b['nova_object.data']['id'])
  const { instances, events } = message.args
  return { ...message, args: { instances: instances.map(tidy).toSorted(byId), events: events.map(tidy) } }
}
