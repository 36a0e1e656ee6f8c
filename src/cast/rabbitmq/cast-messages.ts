import { randomUUID } from 'node:crypto'
import type { HostName } from '../../events/event.ts'
import type { Delivery } from '../../journal/journal.ts'
import { type CatalogService, contextCatalog } from '../../nova/catalog.ts'
import type { ComputeDialect } from '../../nova/compute-dialect.ts'
import { type ContextParts, type ContextSubject, NOBODY } from '../../nova/context.ts'
import { contextText } from '../../nova/context-text.ts'
import { eventObject } from '../../nova/event.ts'
import type { Instance } from '../../nova/instance.ts'
import { hasNetworkInfo, instanceObject } from '../../nova/instance-object.ts'
import { type EmbeddedJson, embeddedJson, rpcMessage } from '../../nova/rpc-message.ts'
import type { CallContext } from '../cast.ts'

/** A delivery of which the server is at hand. */
export interface NovaDelivery {
  readonly delivery: Delivery
  readonly instance: Instance
}

/** A message ready to be published. */
export interface CastMessage {
  readonly host: HostName
  readonly routingKey: string
  readonly uniqueId: string
  readonly body: Buffer
}

/** At least one delivery, all of one request and to one host. */
export type NovaDeliveries = readonly [NovaDelivery, ...NovaDelivery[]]

/**
 * The messages that carry these deliveries, in the order in which they are to be published: one, as Nova has it, unless nova-compute
 * is sure to raise in the midst of it (docs/decisions/0007-what-shares-a-cast.md).
 */
export function castMessages(deliveries: NovaDeliveries, context: CallContext | null, dialect: ComputeDialect): CastMessage[] {
  return cutBehindWhatRaises(deliveries).map((part) => castMessage(part, context, dialect))
}

function castMessage(deliveries: NovaDeliveries, context: CallContext | null, dialect: ComputeDialect): CastMessage {
  const { host } = deliveries[0].delivery
  const instances = new Set(deliveries.map(({ instance }) => instance))
  const uniqueId = randomUUID().replaceAll('-', '')
  const body = rpcMessage({
    instances: [...instances].map(instanceText),
    events: deliveries.map(({ delivery }) => embeddedJson(eventObject(delivery.event, dialect))),
    version: dialect.rpcVersion,
    uniqueId,
    context: contextText(contextParts(deliveries, context)),
  })
  return { host, routingKey: `${dialect.topic}.${host}`, uniqueId, body }
}

/** Ends a message behind each event that nova-compute raises over: what follows in the same message would be dropped. */
function cutBehindWhatRaises(deliveries: NovaDeliveries): NovaDeliveries[] {
  const end = deliveries.findIndex(raises) + 1
  const [next, ...others] = deliveries.slice(end)
  const [first, ...rest] = deliveries
  if (end === 0 || next === undefined) return [deliveries]
  return [[first, ...rest.slice(0, end - 1)], ...cutBehindWhatRaises([next, ...others])]
}

/** nova/compute/manager.py _process_instance_vif_deleted_event goes through a network info that may be None. */
function raises({ delivery, instance }: NovaDelivery): boolean {
  return delivery.event.name === 'network-vif-deleted' && !hasNetworkInfo(instance)
}

const instanceTexts = new WeakMap<Instance['data'], EmbeddedJson>()

/** A server that moves goes to two hosts, and one whose row has not changed has the same data as before: its text is made once. */
function instanceText(instance: Instance): EmbeddedJson {
  const known = instanceTexts.get(instance.data)
  if (known !== undefined) return known
  const text = embeddedJson(instanceObject(instance))
  instanceTexts.set(instance.data, text)
  return text
}

/**
 * Whom a message speaks for: its sender, with the token where it is at hand. From the journal, which holds no token, as an admin with
 * the sender's ids: nova-compute then turns to Neutron and Cinder with its own credentials, and still finds the instance action.
 * For servers that move to another cell: nobody, as Nova has it, but by the request's own id.
 */
function contextParts(deliveries: NovaDeliveries, context: CallContext | null): ContextParts {
  const { requestId, globalRequestId, receivedAtUs, sender } = deliveries[0].delivery
  const nobody = { subject: NOBODY, isAdmin: true, token: null, catalog: [], remoteAddress: null, requestId, receivedAtUs }
  if (deliveries.every(({ instance }) => instance.isMovingAcrossCells)) return { ...nobody, globalRequestId: null }
  if (context === null) return { ...nobody, subject: { ...NOBODY, ...sender } satisfies ContextSubject, globalRequestId }
  const { caller, token, isAdmin, remoteAddress } = context
  const catalog = catalogOf(caller.catalog)
  return { subject: caller, isAdmin, token, catalog, remoteAddress, requestId, globalRequestId, receivedAtUs }
}

const catalogs = new WeakMap<readonly unknown[], readonly CatalogService[]>()

/** Requests with one token share its catalog. */
function catalogOf(catalog: readonly unknown[]): readonly CatalogService[] {
  const known = catalogs.get(catalog)
  if (known !== undefined) return known
  const made = contextCatalog(catalog)
  catalogs.set(catalog, made)
  return made
}
