import { describe, expect, it } from 'vitest'
import type { CellId, EventId, HostName, ServerId } from '../../events/event.ts'
import type { EventName } from '../../events/names.ts'
import { type ComputeDialect, computeDialect } from '../../nova/compute-dialect.ts'
import type { Instance } from '../../nova/instance.ts'
import { uniqueIdOf } from '../../nova/rpc-message.ts'
import type { CallContext } from '../cast.ts'
import { castMessage, castParts, mayShare, type NovaDeliveries, type NovaDelivery } from './cast-messages.ts'

const ZED = computeDialect(64)

/** The messages of one cast, each part by itself. */
function castMessages(deliveries: NovaDeliveries, context: CallContext | null, dialect: ComputeDialect) {
  return castParts(deliveries, context, dialect).map((part) => castMessage([part]))
}

function instanceOf(uuid: string, networkInfo: string | null, more: Partial<Instance> = {}): Instance {
  const cache = { 'nova_object.name': 'InstanceInfoCache', 'nova_object.data': { network_info: networkInfo } }
  const data = { uuid, info_cache: cache, migration_context: null }
  return { uuid, cell: 'c' as CellId, projectId: 'p', isMovingAcrossCells: false, data, readAtUs: 0, ...more }
}

function deliveryOf(instance: Instance, name: EventName, tag: string | null = null): NovaDelivery {
  const sender = { userId: 'u', userName: 'neutron', projectId: 's' }
  const event = { serverId: instance.uuid as ServerId, name, status: 'completed' as const, tag }
  const ids = { eventId: 'e' as EventId, requestId: 'req-1', globalRequestId: 'req-2' }
  return {
    instance,
    delivery: {
      ...ids,
      host: 'h' as HostName,
      cell: instance.cell,
      event,
      receivedAtUs: 1_700_000_000_123_456,
      sender,
      attempts: 0,
      tries: 0,
    },
  }
}

function read(body: Buffer) {
  return JSON.parse(JSON.parse(body.toString())['oslo.message'])
}

const bare = instanceOf('bare', null)
const plugged = instanceOf('plugged', '[]')

/** The names of each message's events. */
function namesOf(...deliveries: [NovaDelivery, ...NovaDelivery[]]): string[][] {
  return castMessages(deliveries, null, ZED).map(({ body }) =>
    read(body).args.events.map((event: { 'nova_object.data': { name: string } }) => event['nova_object.data'].name),
  )
}

describe('castParts and castMessage', () => {
  it('makes one message of all, with each server once', () => {
    const names = ['network-changed', 'volume-extended', 'network-vif-deleted', 'network-vif-plugged'] as const
    const [first, ...others] = names.flatMap((name) => [deliveryOf(plugged, name), deliveryOf(instanceOf('other', '[]'), name)])
    if (first === undefined) throw new Error('unreachable')
    expect(namesOf(first, ...others)).toEqual([names.flatMap((name) => [name, name])])
    const [message] = castMessages([deliveryOf(plugged, 'network-changed'), deliveryOf(plugged, 'network-changed')], null, ZED)
    expect(read(message?.body ?? Buffer.of()).args.instances).toHaveLength(1)
  })

  it('ends a message behind a deleted VIF of a server without network information, and goes on in the next', () => {
    const raising = deliveryOf(bare, 'network-vif-deleted', 'port')
    const other = deliveryOf(plugged, 'network-vif-plugged')
    expect(namesOf(raising)).toEqual([['network-vif-deleted']])
    expect(namesOf(other, raising)).toEqual([['network-vif-plugged', 'network-vif-deleted']])
    expect(namesOf(raising, other)).toEqual([['network-vif-deleted'], ['network-vif-plugged']])
    expect(namesOf(other, raising, other, raising, raising)).toEqual([
      ['network-vif-plugged', 'network-vif-deleted'],
      ['network-vif-plugged', 'network-vif-deleted'],
      ['network-vif-deleted'],
    ])
  })

  it('lists in each of several messages only the servers whose events are in it', () => {
    const messages = castMessages([deliveryOf(bare, 'network-vif-deleted'), deliveryOf(plugged, 'network-changed')], null, ZED)
    const uuids = messages.map(({ body }) =>
      read(body).args.instances.map((one: { 'nova_object.data': { uuid: string } }) => one['nova_object.data'].uuid),
    )
    expect(uuids).toEqual([['bare'], ['plugged']])
  })

  it('from the journal speaks as an admin with the ids of sender and request, and without a token', () => {
    const [message] = castMessages([deliveryOf(plugged, 'network-changed')], null, ZED)
    expect(read(message?.body ?? Buffer.of())).toMatchObject({
      _context_is_admin: true,
      _context_auth_token: null,
      _context_service_catalog: [],
      _context_roles: [],
      _context_user_id: 'u',
      _context_user: 'u',
      _context_project_id: 's',
      _context_user_name: 'neutron',
      _context_user_identity: 'u s - - -',
      _context_request_id: 'req-1',
      _context_global_request_id: 'req-2',
      _context_timestamp: '2023-11-14T22:13:20.123456',
    })
  })

  it('of servers that move to another cell speaks for nobody; of others beside them, for the sender', () => {
    const moving = instanceOf('moving', '[]', { isMovingAcrossCells: true })
    const speaker = (...deliveries: [NovaDelivery, ...NovaDelivery[]]) => {
      const [message] = castMessages(deliveries, null, ZED)
      const { _context_user_id, _context_request_id } = read(message?.body ?? Buffer.of())
      return [_context_user_id, _context_request_id]
    }
    expect(speaker(deliveryOf(moving, 'network-changed'))).toEqual([null, 'req-1'])
    expect(speaker(deliveryOf(moving, 'network-changed'), deliveryOf(plugged, 'network-changed'))).toEqual(['u', 'req-1'])
  })

  it('gives each message an id of its own, which can be read from it whatever its texts are', () => {
    const odd = instanceOf(',"_unique_id":"00000000000000000000000000000000', ',\\"_unique_id\\":\\"')
    const messages = [1, 2].flatMap(() => castMessages([deliveryOf(odd, 'network-changed', ',"_unique_id":"')], null, ZED))
    const ids = messages.map(({ body }) => uniqueIdOf(body))
    expect(ids).toEqual(messages.map(({ uniqueId }) => uniqueId))
    expect(new Set(ids).size).toBe(2)
    expect(uniqueIdOf(Buffer.from('something else'))).toBeNull()
  })

  it('speaks to each release as it understands it', () => {
    const spoken = (version: number | null) => {
      const [message] = castMessages([deliveryOf(plugged, 'network-vif-deleted')], null, computeDialect(version))
      const { version: rpc, args } = read(message?.body ?? Buffer.of())
      return [message?.routingKey, rpc, args.instances[0]['nova_object.version'], args.events[0]['nova_object.version']]
    }
    expect(spoken(40)).toEqual(['compute.h', '5.0', '2.7', '1.1'])
    expect(spoken(56)).toEqual(['compute.h', '6.0', '2.7', '1.1'])
    expect(spoken(null)).toEqual(['compute.h', '6.0', '2.7', '1.1'])
    expect(spoken(64)).toEqual(['compute.h', '6.0', '2.7', '1.5'])
    expect(spoken(70)).toEqual(['compute.h', '6.0', '2.7', '1.5'])
    expect(spoken(71)).toEqual(['compute-alt.h', '6.0', '2.7', '1.5'])
  })
})

const CONTEXT: CallContext = {
  caller: {
    ...{ userId: 'u', userName: 'neutron', userDomainId: 'd', projectId: 's', projectName: 'service', projectDomainId: 'd' },
    ...{ domainId: null, systemScope: null, roles: ['service'], serviceRoles: [], isAdminProject: true, catalog: [] },
  },
  token: 'a-token',
  isAdmin: false,
  remoteAddress: '192.0.2.1',
}

interface Asked {
  readonly name?: EventName
  readonly context?: CallContext | null
  readonly version?: number
  readonly delivery?: Partial<NovaDelivery['delivery']>
  readonly instance?: Partial<Instance>
}

/** The part of a cast of one event that a thread waits for, but for what is asked otherwise. */
function partOf(uuid: string, { name = 'network-vif-plugged', context = CONTEXT, version = 64, delivery, instance }: Asked = {}) {
  const one = deliveryOf(instanceOf(uuid, '[]', instance), name, `port of ${uuid}`)
  const [part] = castParts([{ ...one, delivery: { ...one.delivery, ...delivery } }], context, computeDialect(version))
  if (part === undefined) throw new Error('unreachable')
  return part
}

describe('a message of several casts', () => {
  it('has the events in order, each server once as it was last, and the context of the first', () => {
    const first = partOf('one', { delivery: { requestId: 'req-first' } })
    const changed = partOf('one', { delivery: { requestId: 'req-third' }, instance: { data: { uuid: 'one', changed: true } } })
    const { args, ...message } = read(castMessage([first, partOf('other'), changed]).body)
    const uuidsOf = (objects: { 'nova_object.data': Record<string, unknown> }[], key: string) =>
      objects.map(({ 'nova_object.data': data }) => data[key])
    expect(uuidsOf(args.events, 'instance_uuid')).toEqual(['one', 'other', 'one'])
    expect(uuidsOf(args.instances, 'uuid')).toEqual(['one', 'other'])
    expect(uuidsOf(args.instances, 'changed')).toEqual([true, undefined])
    expect([message._context_request_id, message._context_auth_token]).toEqual(['req-first', 'a-token'])
  })

  it('is made of what nova-compute hands to a waiting thread, for one sender with one token', () => {
    const plain = partOf('one')
    expect(mayShare(plain, partOf('two'))).toBe(true)
    expect(mayShare(plain, partOf('one', { name: 'network-vif-unplugged' }))).toBe(true)
    expect(mayShare(plain, partOf('two', { delivery: { requestId: 'req-another', receivedAtUs: 1 } }))).toBe(true)
    expect(mayShare(partOf('one', { context: null }), partOf('two', { context: null }))).toBe(true)
  })

  it.each<[string, Asked]>([
    ['an event that may raise in nova-compute', { name: 'network-changed' }],
    ['an event whose instance action is looked up', { name: 'volume-extended' }],
    ['what was refused before', { delivery: { tries: 1 } }],
    ['a server that moves to another cell', { instance: { isMovingAcrossCells: true } }],
    ['another token', { context: { ...CONTEXT, token: 'another' } }],
    ['another caller', { context: { ...CONTEXT, caller: { ...CONTEXT.caller } } }],
    ['a request from elsewhere', { context: { ...CONTEXT, remoteAddress: '192.0.2.2' } }],
    ['what is made from the journal', { context: null }],
    ["a request with its sender's own id", { delivery: { globalRequestId: 'req-of-sender' } }],
    ['another host', { delivery: { host: 'elsewhere' as HostName } }],
    ['another release of nova-compute', { version: 71 }],
    ['an older release of nova-compute', { version: 50 }],
  ])('has not %s in it', (_, asked) => {
    expect(mayShare(partOf('one'), partOf('two', asked))).toBe(false)
    expect(mayShare(partOf('two', asked), partOf('one'))).toBe(false)
  })

  it('from the journal is for one sender', () => {
    const of = (projectId: string) => {
      const sender = { userId: 'u', userName: 'neutron', projectId }
      return partOf('one', { context: null, delivery: { sender } })
    }
    expect(mayShare(of('a'), of('a'))).toBe(true)
    expect(mayShare(of('a'), of('b'))).toBe(false)
  })
})
