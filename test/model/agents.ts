import { createStreamCaster } from '../../src/cast/stream/create-stream-caster.ts'
import type { StreamCaster, StreamSink } from '../../src/cast/stream/stream-caster.ts'
import type { EventId, HostName } from '../../src/events/event.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { hostName } from '../journal/submissions.ts'
import type { Action, CreateHosts } from './hosts.ts'

export const STREAM_CONFIG = { window: 8, ackTimeoutMs: 30_000, heartbeatMs: 15_000 }

/** A connection, seen from the agent: what was written to it may not have come yet, and never comes once it is lost. */
interface Connection {
  readonly onItsWay: EventId[]
  isFull: boolean
  /** Called back by whoever wrote more than there is room for. */
  drain(): void
  /** Lost. */
  close(): void
}

interface Agent {
  readonly host: HostName
  connection: Connection | null
  lastSeen: EventId | null
  /** In the order in which they came. */
  readonly unacknowledged: Set<EventId>
  readonly acknowledged: EventId[]
}

const NAMES = ['h1', 'h2', 'h3', 'h4'].map(hostName)

/** Agents that follow hosts, over the real caster and streams without a network. */
export const createAgents: CreateHosts = (reference) => {
  const agents: Agent[] = NAMES.map((host) => ({
    ...{ host, connection: null, lastSeen: null, unacknowledged: new Set(), acknowledged: [] },
  }))
  let caster: StreamCaster

  const connect = (agent: Agent, isRemembered: boolean) => {
    const { connection, sink } = openConnection(() => {
      if (agent.connection === connection) agent.connection = null
    })
    // Its place on the stream is taken by the new one, which ends the one before.
    agent.connection = connection
    caster.follow(agent.host, { lastEventId: isRemembered ? agent.lastSeen : null, sink })
  }
  const read = (agent: Agent, most: number): boolean => {
    const come = agent.connection?.onItsWay.splice(0, most) ?? []
    for (const eventId of come) {
      reference.arrived(agent.host, eventId)
      agent.lastSeen = eventId
      agent.unacknowledged.add(eventId)
    }
    return come.length > 0
  }
  const acknowledge = (agent: Agent, ids: readonly EventId[]): boolean => {
    if (ids.length === 0) return false
    for (const id of ids) if (agent.unacknowledged.delete(id)) agent.acknowledged.push(id)
    caster.acknowledge(agent.host, ids).then(
      () => reference.acknowledged(agent.host, ids),
      // It is sent again, and acknowledged again.
      () => {},
    )
    return true
  }
  /** One of the agents that are such. */
  const withAgent =
    (isSuch: (agent: Agent) => boolean, act: (agent: Agent, most: number) => unknown): Action =>
    (random) => {
      const some = agents.filter(isSuch)
      if (some.length > 0) act(random.pick(some), 1 + random.below(6))
      return some.length > 0
    }
  return {
    isFinal: false,
    begin: (journal) => {
      const parts = { journal, happenings: createHappenings(), metrics: createMetrics() }
      caster = createStreamCaster({ ...parts, config: STREAM_CONFIG })
      return caster
    },
    crash: () => {
      for (const agent of agents) agent.connection = null
    },
    mend: () => {},
    settle: () => {
      let isAny = false
      for (const agent of agents) {
        if (agent.connection === null) connect(agent, true)
        agent.connection?.drain()
        isAny = read(agent, Number.POSITIVE_INFINITY) || isAny
        isAny = acknowledge(agent, [...agent.unacknowledged]) || isAny
      }
      return isAny
    },
    steps: {
      connect: {
        weight: 4,
        take: (random) => {
          connect(random.pick(agents), random.chance(0.7))
          return true
        },
      },
      disconnect: { weight: 2, take: withAgent(isConnected, ({ connection }) => connection?.close()) },
      read: { weight: 14, take: withAgent(({ connection }) => (connection?.onItsWay.length ?? 0) > 0, read) },
      acknowledge: {
        weight: 12,
        take: withAgent(owes, (agent, most) => acknowledge(agent, [...agent.unacknowledged].slice(0, most))),
      },
      'acknowledge the last first': {
        weight: 3,
        take: withAgent(owes, (agent, most) => acknowledge(agent, [...agent.unacknowledged].slice(-most))),
      },
      'acknowledge again': {
        weight: 1,
        take: withAgent(
          ({ acknowledged }) => acknowledged.length > 0,
          (agent, most) => acknowledge(agent, agent.acknowledged.slice(-most)),
        ),
      },
      'fill the connection': {
        weight: 1,
        take: withAgent(isConnected, ({ connection }) => {
          if (connection !== null) connection.isFull = true
        }),
      },
      'drain the connection': {
        weight: 2,
        take: withAgent(
          ({ connection }) => connection?.isFull === true,
          ({ connection }) => connection?.drain(),
        ),
      },
    },
  }
}

const isConnected = ({ connection }: Agent) => connection !== null
const owes = ({ unacknowledged }: Agent) => unacknowledged.size > 0

/** A stream and its two ends. */
function openConnection(onClose: () => void): { readonly connection: Connection; readonly sink: StreamSink } {
  const drains: (() => void)[] = []
  const closes: (() => void)[] = []
  let isClosed = false
  const connection: Connection = {
    onItsWay: [],
    isFull: false,
    drain: () => {
      connection.isFull = false
      for (const listener of drains) listener()
    },
    close: () => {
      if (isClosed) return
      isClosed = true
      connection.onItsWay.length = 0
      onClose()
      for (const listener of closes) listener()
    },
  }
  const sink: StreamSink = {
    write: (text) => {
      for (const [, id] of text.matchAll(/^id: (.+)$/gm)) if (!isClosed) connection.onItsWay.push(id as EventId)
      return !connection.isFull
    },
    onDrain: (listener) => void drains.push(listener),
    onClose: (listener) => void closes.push(listener),
    end: () => queueMicrotask(connection.close),
  }
  return { connection, sink }
}
