import type { StreamConfig } from '../../config/config.ts'
import type { EventId, HostName } from '../../events/event.ts'
import type { Journal, Receipts } from '../../journal/journal.ts'
import { isCanonicalUuid } from '../../lib/uuid.ts'
import type { Happenings } from '../../observe/happenings.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { AgentWatcher, Cast, CastResult } from '../cast.ts'
import { type Connection, openConnection } from './connection.ts'
import type { Follower, StreamCaster } from './stream-caster.ts'
import { REPLACED, renderDelivery } from './wire.ts'

export interface StreamCasterParts {
  readonly journal: Pick<Journal, 'acknowledge' | 'touchHost'>
  readonly metrics: Pick<Metrics, 'stepped' | 'received' | 'gauge'>
  readonly happenings: Happenings
  readonly config: StreamConfig
}

const AWAY: CastResult = { kind: 'away', reason: 'no agent follows this host' }
const TAKEN: CastResult = { kind: 'taken' }
const NONE: Receipts = new Map()
const nowUs = () => Date.now() * 1000

/**
 * Streams to host agents. What is on its way, in which order and for how long is the delivery engine's to know: here are only the
 * connections, one a host.
 */
export function createStreamCaster(parts: StreamCasterParts): StreamCaster {
  const { journal, metrics, config } = parts
  const connections = new Map<HostName, Connection>()
  const watchers: AgentWatcher[] = []
  let isClosed = false
  metrics.gauge('hosts_connected', 'Hosts that an agent follows.', () => connections.size)

  const follow = (host: HostName, { lastEventId, sink }: Follower) => {
    if (isClosed) return sink.end()
    connections.get(host)?.end(REPLACED)
    const isGone = () => {
      if (!connections.delete(host)) return
      journal.touchHost(host, nowUs())
      for (const watcher of watchers) watcher.lost(host)
    }
    const stallMs = Math.max(config.ackTimeoutMs, config.heartbeatMs)
    const connection = openConnection({ sink, heartbeatMs: config.heartbeatMs, stallMs, onGone: isGone })
    if (connection.isGone) return
    connections.set(host, connection)
    journal.touchHost(host, nowUs())
    const lastSeen = lastEventId !== null && isCanonicalUuid(lastEventId) ? (lastEventId as EventId) : null
    for (const watcher of watchers) watcher.connected(host, lastSeen)
  }
  const cast = ({ host, deliveries }: Cast): Promise<CastResult> =>
    new Promise((resolve) => {
      const connection = connections.get(host)
      if (connection === undefined) return resolve(AWAY)
      connection.send(deliveries.map(renderDelivery).join(''), (isWritten) => resolve(isWritten ? TAKEN : AWAY))
    })
  const isConnected = (host: HostName) => connections.has(host)

  return {
    isFinal: false,
    agents: { isConnected, watch: (watcher) => void watchers.push(watcher) },
    follow,
    cast,
    // Whoever watches agents knows.
    onReachable: () => {},
    acknowledge: async (host, ids, receipts = NONE) => {
      // What was sent in this turn of the event loop is recorded at its end: the story of a delivery begins with that.
      await endOfTurn()
      const answer = await journal.acknowledge(host, ids, nowUs(), receipts)
      for (const watcher of watchers) watcher.acknowledged(host, ids)
      tell(parts, host, answer.ended, receipts)
      return answer
    },
    isConnected,
    get connected() {
      return connections.size
    },
    close: async () => {
      isClosed = true
      for (const connection of [...connections.values()]) connection.end('')
    },
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Tells those who count and watch of what a host's word ended: as failed where its receipt says so, else as acknowledged. */
function tell({ metrics, happenings }: StreamCasterParts, host: HostName, ids: readonly EventId[], receipts: Receipts): void {
  const isFailed = (id: EventId) => receipts.get(id)?.kind === 'failed'
  const failed = receipts.size === 0 ? [] : ids.filter(isFailed)
  const acknowledged = failed.length === 0 ? ids : ids.filter((id) => !isFailed(id))
  const applied = receipts.size === 0 ? 0 : acknowledged.filter((id) => receipts.has(id)).length
  metrics.received('applied', applied)
  metrics.received('failed', failed.length)
  metrics.received('none', acknowledged.length - applied)
  const atUs = nowUs()
  for (const [kind, eventIds] of [['acknowledged', acknowledged] as const, ['failed', failed] as const]) {
    if (eventIds.length === 0) continue
    metrics.stepped(kind, eventIds.length)
    happenings.tell({ kind, host, eventIds, atUs, receipts })
  }
}
