import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../observe/log.ts'
import type { CastMessage } from './cast-messages.ts'
import { addressOf, type BrokerTarget, type OpenBroker, openBroker, reasonOf } from './open-broker.ts'
import type { RabbitOptions } from './options.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import type { BrokerHost } from './transport-url.ts'
import type { Outgoing, Published } from './unconfirmed.ts'

/** The way to one cell's broker, kept up once it was needed. */
export interface BrokerLink {
  /** Connects first where it must. While a lost connection is not back: away, at once. Never rejects. */
  publish(message: CastMessage): Promise<Published>
  counts(): LinkCounts
  /** Lets what is under way be confirmed, and ends the connection. */
  close(): Promise<void>
}

/** For gauges. */
export interface LinkCounts {
  readonly connected: number
  readonly unconfirmed: number
  readonly waiting: number
}

/** What a link is made of. */
export interface LinkParts {
  readonly target: BrokerTarget
  /** With the name of the cell in it. */
  readonly log: Log
  /** Told when messages are taken again: connected again, or no longer blocked. */
  readonly onBack: () => void
}

/**
 * - `idle`: nobody needed it yet;
 * - `connecting`: for the first time; messages wait for how that ends;
 * - `up`; a blocked broker is up, and its publisher says away;
 * - `down`: no connection; tried again and again, with pauses;
 * - `closed`: for good.
 */
type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly waiting: Outgoing[]; bytes: number }
  | { readonly kind: 'up'; readonly publisher: Publisher }
  | { readonly kind: 'down'; readonly reason: string }
  | { readonly kind: 'closed' }

type Attempt = { readonly kind: 'open'; readonly broker: OpenBroker } | { readonly kind: 'failed'; readonly reason: string }

/** A connection that lasted this long counts as good: the pauses before the next begin anew. */
const STABLE_MS = 10_000
/** What may wait for the first connection. */
const MAX_WAITING = 5000
const MAX_WAITING_BYTES = 64 * 2 ** 20
const CLOSED = 'its link is closed: novacast stops, or the cell is gone'

/** A link that connects when it is first needed. */
export function createBrokerLink({ target, log, onBack }: LinkParts): BrokerLink {
  const stop = new AbortController()
  const nextHosts = hostsInTurn(target)
  let state: State = { kind: 'idle' }
  let running: Promise<void> = Promise.resolve()

  /** Until closed: connect, stay, connect again. */
  async function stayConnected(): Promise<void> {
    let failures = 0
    while (!stop.signal.aborted) {
      const attempt = await tryHosts(nextHosts(), target, stop.signal)
      const since = Date.now()
      const reason = attempt.kind === 'open' ? await use(attempt.broker) : attempt.reason
      failures = Date.now() - since < STABLE_MS ? failures + 1 : 0
      const retryInMs = failures === 0 ? target.options.reconnectDelayMs : pauseAfter(failures, target.options)
      become({ kind: 'down', reason })
      if (stop.signal.aborted) break
      log.warn({ reason, retryInMs }, 'no connection to the broker of this cell; trying again')
      await sleep(retryInMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }

  /** Resolves with why the connection ended. */
  async function use(broker: OpenBroker): Promise<string> {
    const publisher = createPublisher({ broker, exchange: target.exchange, onBlocked })
    if (stop.signal.aborted) await publisher.close()
    else {
      log.info({ broker: broker.address }, 'connected to the broker of this cell')
      const wasDown = state.kind === 'down'
      become({ kind: 'up', publisher })
      if (wasDown) onBack()
    }
    return publisher.ended
  }

  /** What waited for the first connection goes on in its order, before anything that comes later. */
  function become(next: State): void {
    const before = state
    if (before.kind === 'closed') return
    state = next
    if (before.kind === 'connecting') for (const { message, settle } of before.waiting) void publish(message).then(settle)
  }

  function onBlocked(reason: string | null): void {
    if (reason === null) {
      log.info('the broker of this cell takes messages again')
      onBack()
    } else log.warn({ reason }, 'the broker of this cell is blocked')
  }

  function publish(message: CastMessage): Promise<Published> {
    switch (state.kind) {
      case 'up':
        return state.publisher.publish(message)
      case 'down':
        return Promise.resolve({ kind: 'away', reason: state.reason })
      case 'closed':
        return Promise.resolve({ kind: 'away', reason: CLOSED })
      case 'idle': {
        state = { kind: 'connecting', waiting: [], bytes: 0 }
        running = stayConnected()
        return waitIn(state, message)
      }
      case 'connecting':
        return waitIn(state, message)
    }
  }

  return {
    publish,
    counts: () => ({
      connected: state.kind === 'up' ? 1 : 0,
      unconfirmed: 0,
      waiting: state.kind === 'connecting' ? state.waiting.length : 0,
      ...(state.kind === 'up' ? state.publisher.counts() : {}),
    }),
    close: async () => {
      const last = state
      become({ kind: 'closed' })
      stop.abort()
      if (last.kind === 'up') await last.publisher.close()
      await running
    },
  }
}

function waitIn(state: Extract<State, { kind: 'connecting' }>, message: CastMessage): Promise<Published> {
  const { waiting } = state
  if (waiting.length >= MAX_WAITING || state.bytes >= MAX_WAITING_BYTES)
    return Promise.resolve({ kind: 'away', reason: `not connected yet, and ${waiting.length} messages wait for it` })
  state.bytes += message.body.length
  return new Promise((settle) => waiting.push({ message, settle }))
}

/** Each host once, until stopped; the first that takes the connection is it. The reason is the last one's. */
async function tryHosts(hosts: readonly BrokerHost[], target: BrokerTarget, stop: AbortSignal): Promise<Attempt> {
  let reason = CLOSED
  for (const host of hosts) {
    if (stop.aborted) break
    try {
      return { kind: 'open', broker: await openBroker(host, target) }
    } catch (error) {
      reason = `${addressOf(host)}: ${reasonOf(error)}`
    }
  }
  return { kind: 'failed', reason }
}

/** Shuffled once, so that many processes spread; then each round begins behind the host of the round before. */
function hostsInTurn({ hosts, options }: BrokerTarget): () => readonly BrokerHost[] {
  let turn = shuffled(hosts)
  return () => {
    const round = options.failover === 'shuffle' ? shuffled(hosts) : turn
    turn = [...turn.slice(1), ...turn.slice(0, 1)]
    return round
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** As kombu has it: the first pause, longer by a step each time, up to the longest. */
function pauseAfter(failures: number, { retryIntervalMs, retryBackoffMs, retryMaxMs }: RabbitOptions): number {
  return Math.min(retryIntervalMs + (failures - 1) * retryBackoffMs, retryMaxMs)
}
