import { describe, expect, it } from 'vitest'
import type { CellId, EventId, HostName, ServerId } from '../../events/event.ts'
import type { EventName } from '../../events/names.ts'
import { computeDialect } from '../../nova/compute-dialect.ts'
import type { Instance } from '../../nova/instance.ts'
import { uniqueIdOf } from '../../nova/rpc-message.ts'
import { castMessages, type NovaDelivery } from './cast-messages.ts'

const ZED = computeDialect(64)

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

describe('castMessages', () => {
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
