import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { HostName } from '../../events/event.ts'
import { isAwaited } from '../../events/names.ts'
import type { Delivery, Sender } from '../../journal/journal.ts'
import { type CatalogService, contextCatalog } from '../../nova/catalog.ts'
import type { ComputeDialect } from '../../nova/compute-dialect.ts'
import { type ContextParts, type ContextSubject, NOBODY } from '../../nova/context.ts'
import { contextText, isSameButForRequest } from '../../nova/context-text.ts'
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

/** At least one delivery, all of one request and to one host. */
export type NovaDeliveries = readonly [NovaDelivery, ...NovaDelivery[]]

/** What of a cast goes into one message, by itself or with parts of other casts. */
export interface CastPart {
  readonly host: HostName
  readonly dialect: ComputeDialect
  /** By the uuid of the server. */
  readonly instances: ReadonlyMap<string, EmbeddedJson>
  readonly events: readonly EmbeddedJson[]
  readonly context: ContextParts
  /** Whether nothing in it can raise in nova-compute, and take with it what others have in the same message. */
  readonly isHarmless: boolean
}

/** A message ready to be published. */
export interface CastMessage {
  readonly host: HostName
  readonly routingKey: string
  readonly uniqueId: string
  readonly body: Buffer
}

/**
 * The parts that carry these deliveries, in the order in which they are to be published: one, as Nova has it, unless nova-compute
 * is sure to raise in the midst of it (docs/decisions/0007-what-shares-a-cast.md).
 */
export function castParts(deliveries: NovaDeliveries, context: CallContext | null, dialect: ComputeDialect): CastPart[] {
  return cutBehindWhatRaises(deliveries).map((part) => ({
    host: part[0].delivery.host,
    dialect,
    instances: new Map(part.map(({ instance }) => [instance.uuid, instanceText(instance)])),
    events: part.map(({ delivery }) => embeddedJson(eventObject(delivery.event, dialect))),
    context: contextParts(part, context),
    isHarmless: part.every(isHarmless),
  }))
}

/** One message of parts to one host. It bears the context of the first. */
export function castMessage(parts: readonly [CastPart, ...CastPart[]]): CastMessage {
  const [{ host, dialect, context }] = parts
  const uniqueId = randomUUID().replaceAll('-', '')
  const body = rpcMessage({
    instances: [...new Map(parts.flatMap(({ instances }) => [...instances])).values()],
    events: parts.flatMap(({ events }) => events),
    version: dialect.rpcVersion,
    uniqueId,
    context: contextText(context),
  })
  return { host, routingKey: `${dialect.topic}.${host}`, uniqueId, body }
}

/**
 * Whether two parts may share a message: they differ in nothing that nova-compute is told of the caller but the id and time of the request. Where
 * a sender gave its requests ids of its own, those are to be found in nova-compute's log. What was refused before goes alone.
 */
export function mayShare(one: CastPart, other: CastPart): boolean {
  return (
    one.isHarmless &&
    other.isHarmless &&
    one.host === other.host &&
    one.dialect.topic === other.dialect.topic &&
    one.dialect.rpcVersion === other.dialect.rpcVersion &&
    isSameButForRequest(one.context, other.context)
  )
}

/**
 * What is awaited nova-compute only hands to whoever waits (nova/compute/manager.py _process_instance_event): that cannot raise. All else
 * calls Neutron, Cinder or a driver, or goes through what may not be there.
 */
function isHarmless({ delivery }: NovaDelivery): boolean {
  return isAwaited(delivery.event.name) && delivery.tries === 0
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
  const nobody = {
    subject: NOBODY,
    isAdmin: true,
    token: null,
    catalog: NO_CATALOG,
    remoteAddress: null,
    requestId,
    receivedAtUs,
  }
  if (deliveries.every(({ instance }) => instance.isMovingAcrossCells)) return { ...nobody, globalRequestId: null }
  if (context === null) return { ...nobody, subject: subjectOf(sender), globalRequestId }
  const { caller, token, isAdmin, remoteAddress } = context
  const catalog = catalogOf(caller.catalog)
  return { subject: caller, isAdmin, token, catalog, remoteAddress, requestId, globalRequestId, receivedAtUs }
}

const NO_CATALOG: readonly CatalogService[] = []

const subjects = new LRUCache<string, ContextSubject>({ max: 1000 })

/** The same object for the same sender, so that what is written of it is written once. */
function subjectOf(sender: Sender): ContextSubject {
  const key = JSON.stringify([sender.userId, sender.userName, sender.projectId])
  const known = subjects.get(key)
  if (known !== undefined) return known
  const made: ContextSubject = { ...NOBODY, ...sender }
  subjects.set(key, made)
  return made
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
