import type { CellId } from '../../events/event.ts'
import type { Delivery } from '../../journal/journal.ts'
import { createMoments } from '../../lib/moments.ts'
import { errandOf } from '../../nova/action.ts'
import { ActionRefused, type NovaCells } from '../../nova/cells.ts'
import { computeDialect } from '../../nova/compute-dialect.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { Cast, Caster, CastResult } from '../cast.ts'
import { createBrokers } from './brokers.ts'
import { castParts, type NovaDeliveries, type NovaDelivery } from './cast-messages.ts'
import type { RawOptions } from './options.ts'
import { createActionRecorder } from './record-actions.ts'
import { createServerOrder } from './server-order.ts'
import type { Published } from './unconfirmed.ts'
import { createUnreached } from './unreached.ts'

/** What a caster to nova-computes is made of. */
export interface RabbitCasterParts {
  readonly cells: NovaCells
  /** `[oslo_messaging_rabbit]` as it stands in the configuration; a cell's transport URL may override it. */
  readonly rabbit: RawOptions
  /** `[DEFAULT] control_exchange`. */
  readonly controlExchange: string
  readonly metrics?: Metrics
  readonly log: Log
}

/**
 * Casts wait so long for others, and for those who posted meanwhile to be answered and new requests to be read: that goes on while databases
 * and the disk are waited for, and more of them share a message (docs/decisions/0019, 0007).
 */
const GATHER = { usualMs: 3, busyMs: 10, busyPerMs: 1 }

const BEHIND: CastResult = { kind: 'unready', reason: 'an earlier event of its server could not be cast' }

interface Failed {
  readonly delivery: Delivery
  readonly reason: string
}

/**
 * Casts to unchanged nova-computes as nova-api does, over RabbitMQ: `taken` is a confirm of the broker, with the message in the
 * host's queue. Casts to one host leave in the order of the calls; one that waits for an instance action to be written keeps back
 * those of its servers, and is overtaken by those of others.
 */
export function createRabbitCaster({ cells, rabbit, controlExchange, metrics, log }: RabbitCasterParts): Caster {
  const unreached = createUnreached()
  const actions = createActionRecorder(cells)
  const order = createServerOrder()
  const endOfMoment = createMoments(GATHER)
  const brokers = createBrokers({ cells, rabbit, exchange: controlExchange, log, onBack: unreached.isBack })
  if (metrics !== undefined) registerGauges(metrics, brokers)

  /** For a cell that is known: where its broker is, what must be written before, how the host is spoken to. */
  async function publish(cell: CellId, deliveries: NovaDeliveries, cast: Cast): Promise<CastResult> {
    const place = order.enter(deliveries)
    try {
      const broker = await brokers.of(cell)
      if (broker.kind === 'none')
        return { kind: 'failed', failed: deliveries.map(({ delivery }) => ({ delivery, reason: broker.reason })) }
      if (broker.kind === 'away') return broker
      const problem = await recordActions(deliveries, cast.context === null)
      if (problem !== null) return problem
      const parts = partsOf(deliveries, cast, await cells.computeVersion(cell, cast.host))
      if ('kind' in parts) return parts
      if (place.before !== null && !(await place.before)) return BEHIND
      const published = parts.map((part) => broker.outbox.publish(part))
      place.leave(true)
      const result = worst(await Promise.all(published))
      if (result.kind === 'away') unreached.add(cell, cast.host)
      return result
    } finally {
      place.leave(false)
    }
  }

  async function recordActions(deliveries: NovaDeliveries, isRepeat: boolean): Promise<CastResult | null> {
    try {
      await actions.record(deliveries, isRepeat)
      return null
    } catch (error) {
      const reason = `the instance action cannot be written: ${error instanceof Error ? error.message : String(error)}`
      return { kind: error instanceof ActionRefused ? 'refused' : 'unready', reason }
    }
  }

  /** What cannot be put into messages must not keep back what can. */
  function partsOf(deliveries: NovaDeliveries, { host, context }: Cast, version: number | null) {
    try {
      return castParts(deliveries, context, computeDialect(version))
    } catch (error) {
      log.error({ err: error, host }, 'a cast cannot be put into messages')
      const reason = `it cannot be put into a message: ${error instanceof Error ? error.message : String(error)}`
      return { kind: 'refused', reason } as const
    }
  }

  async function cast(cast: Cast): Promise<CastResult> {
    await endOfMoment()
    const { able, failed } = sortOut(cast)
    for (const { delivery, reason } of failed)
      log.warn({ server: delivery.event.serverId, event: delivery.eventId, reason }, 'not cast')
    const [first, ...others] = able
    if (first === undefined) return { kind: 'failed', failed }
    if (cast.cell === null)
      return { kind: 'failed', failed: allOf(cast, 'a host of no cell has no broker: expected servers of Nova') }
    const result = await publish(cast.cell, [first, ...others], cast)
    if (failed.length === 0 || (result.kind !== 'taken' && result.kind !== 'failed')) return result
    return { kind: 'failed', failed: result.kind === 'failed' ? [...failed, ...result.failed] : failed }
  }

  return {
    isFinal: true,
    cast: (what) =>
      cast(what).catch((error: unknown) => {
        log.error({ err: error, host: what.host }, 'a cast could not be made')
        return { kind: 'away', reason: error instanceof Error ? error.message : String(error) }
      }),
    onReachable: unreached.onReachable,
    close: async () => {
      // What was cast is on its way then.
      await endOfMoment()
      await new Promise<void>((resolve) => setImmediate(resolve))
      await brokers.close()
    },
  }
}

/** What can be cast, and what never can. */
function sortOut({ deliveries, instances }: Cast): {
  readonly able: readonly NovaDelivery[]
  readonly failed: readonly Failed[]
} {
  const able: NovaDelivery[] = []
  const failed: Failed[] = []
  for (const delivery of deliveries) {
    const errand = errandOf(delivery.event)
    const instance = instances.get(delivery.event.serverId)
    if (errand.kind === 'invalid') failed.push({ delivery, reason: errand.reason })
    else if (instance === undefined) failed.push({ delivery, reason: 'Nova has no such server any more' })
    else able.push({ delivery, instance })
  }
  return { able, failed }
}

function allOf({ deliveries }: Cast, reason: string): readonly Failed[] {
  return deliveries.map((delivery) => ({ delivery, reason }))
}

/** Of several messages that make up one cast: all of it is tried again where any did not arrive. */
function worst(results: readonly Published[]): Published {
  return results.find(({ kind }) => kind === 'away') ?? results.find(({ kind }) => kind === 'returned') ?? { kind: 'taken' }
}

function registerGauges(
  metrics: Metrics,
  brokers: { counts(): { connected: number; unconfirmed: number; waiting: number } },
): void {
  metrics.gauge('novacast_rabbitmq_connections', 'Connections to brokers that are up', () => brokers.counts().connected)
  metrics.gauge(
    'novacast_rabbitmq_unconfirmed',
    'Casts that the brokers have not confirmed yet',
    () => brokers.counts().unconfirmed,
  )
  metrics.gauge('novacast_rabbitmq_waiting', 'Casts that wait to be published', () => brokers.counts().waiting)
}
