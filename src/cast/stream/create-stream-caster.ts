import type { StreamConfig } from '../../config/config.ts'
import type { EventId, HostName } from '../../events/event.ts'
import type { Acknowledgement, Journal } from '../../journal/journal.ts'
import { isCanonicalUuid } from '../../lib/uuid.ts'
import type { Happenings } from '../../observe/happenings.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { AgentWatcher, Cast, CastResult } from '../cast.ts'
import { type Connection, openConnection } from './connection.ts'
import type { Follower, StreamCaster } from './stream-caster.ts'
import { REPLACED, renderDelivery } from './wire.ts'

export interface StreamCasterParts {
  readonly journal: Pick<Journal, 'acknowledge' | 'touchHost'>
  readonly metrics: Pick<Metrics, 'stepped' | 'gauge'>
  readonly happenings: Happenings
  readonly config: StreamConfig
}

const AWAY: CastResult = { kind: 'away', reason: 'no agent follows this host' }
const TAKEN: CastResult = { kind: 'taken' }
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
    acknowledge: async (host, ids) => {
      // What was sent in this turn of the event loop is recorded at its end: the story of a delivery begins with that.
      await endOfTurn()
      const answer = await journal.acknowledge(host, ids, nowUs())
      for (const watcher of watchers) watcher.acknowledged(host, ids)
      tell(parts, host, ids, answer)
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

function tell(
  { metrics, happenings }: StreamCasterParts,
  host: HostName,
  ids: readonly EventId[],
  { acknowledged, unknown }: Acknowledgement,
): void {
  if (acknowledged === 0) return
  metrics.stepped('acknowledged', acknowledged)
  if (!happenings.isWatched) return
  const strange = new Set(unknown)
  happenings.tell({ kind: 'acknowledged', host, eventIds: ids.filter((id) => !strange.has(id)), atUs: nowUs() })
}
