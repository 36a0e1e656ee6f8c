import { IllegalOperationError } from 'amqplib'
import { uniqueIdOf } from '../../nova/rpc-message.ts'
import type { CastMessage } from './cast-messages.ts'
import { gatherWrites } from './gather-writes.ts'
import { closeBroker, type OpenBroker, reasonOf, socketOf } from './open-broker.ts'
import { createUnconfirmed, type Outgoing, type Published } from './unconfirmed.ts'

/** Publishes over one connection, as long as it lasts. */
export interface Publisher {
  /** Resolves when the broker has confirmed or returned it, or cannot. Messages leave in the order of the calls. Never rejects. */
  publish(message: CastMessage): Promise<Published>
  /** Messages that the broker has not confirmed, and those that have not left yet. */
  counts(): { readonly unconfirmed: number; readonly waiting: number }
  /** Resolves with the reason when the connection has ended. Never rejects. */
  readonly ended: Promise<string>
  /** Waits a while for the confirms that are due, and ends the connection. */
  close(): Promise<void>
}

/** What a publisher is made of. */
export interface PublisherParts {
  readonly broker: OpenBroker
  readonly exchange: string
  /** Told when the broker takes no more messages for want of memory or disk (a reason), and when it takes them again (null). */
  readonly onBlocked: (reason: string | null) => void
}

/** Waiting at most, for a place in the window of unconfirmed messages. */
const MAX_WAITING = 20_000
const MAX_WAITING_BYTES = 64 * 2 ** 20
/** A broker that answers nothing for so long is as good as away, and so is one queue of it that does not confirm. */
const CONFIRM_TIMEOUT_MS = 30_000
const FLUSH_TIMEOUT_MS = 5000

/** Nova's own, and no ids of ours: its receivers see no difference. Only `mandatory` is ours, and that ends at the broker. */
const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  priority: 0,
  headers: {},
  mandatory: true,
}

/**
 * The life of a message:
 *
 *     waiting ──► unconfirmed ──► taken       confirmed
 *        │             ├────────► returned    basic.return came first: the broker confirms that one too
 *        └─────────────┴────────► away        refused, blocked, connection lost: to be tried again
 *
 * A blocked broker (memory or disk alarm) reads no more: what waits is away at once; what it may hold already keeps its time to be
 * confirmed. Any trouble with the channel ends the connection, so that there is one way back.
 */
export function createPublisher({ broker, exchange, onBlocked }: PublisherParts): Publisher {
  const { connection, channel, address } = broker
  const unconfirmed = createUnconfirmed()
  const socket = socketOf(connection)
  const gather = socket === null ? () => {} : gatherWrites(socket)
  const waiting: Outgoing[] = []
  const { promise: ended, resolve: tellEnded } = Promise.withResolvers<string>()
  const { promise: flushed, resolve: tellFlushed } = Promise.withResolvers<void>()
  let waitingBytes = 0
  let isDraining = false
  let isClosing = false
  let blockedReason: string | null = null
  let endReason: string | null = null
  let trouble: string | null = null
  let answeredAtMs = performance.now()

  function pump(): void {
    while (!isDraining && !unconfirmed.isFull) {
      const next = waiting.shift()
      if (next === undefined) break
      waitingBytes -= next.message.body.length
      send(next)
    }
    if (isClosing && unconfirmed.size === 0) tellFlushed()
  }

  function send(outgoing: Outgoing): void {
    gather()
    try {
      isDraining = !channel.publish(exchange, outgoing.message.routingKey, outgoing.message.body, PROPERTIES)
      unconfirmed.add(outgoing, performance.now())
    } catch (error) {
      outgoing.settle({ kind: 'away', reason: reasonOf(error) })
      // It closed before anybody listened: right behind the answer to its opening.
      if (error instanceof IllegalOperationError) end(`${address}: ${error.message}`)
    }
  }

  function refusal(): string | null {
    if (waiting.length < MAX_WAITING && waitingBytes < MAX_WAITING_BYTES) return endReason ?? blockedReason
    return `${address} is slow: ${waiting.length} messages wait for it`
  }

  function dropWaiting(reason: string): void {
    waitingBytes = 0
    for (const { settle } of waiting.splice(0)) settle({ kind: 'away', reason })
  }

  function end(reason: string): void {
    if (endReason !== null) return
    endReason = reason
    clearInterval(timer)
    dropWaiting(reason)
    unconfirmed.giveUp(reason, Number.POSITIVE_INFINITY)
    tellFlushed()
    void closeBroker(connection).then(() => tellEnded(reason))
  }

  function giveUpOnOverdue(): void {
    const due = performance.now() - CONFIRM_TIMEOUT_MS
    if (!unconfirmed.hasOlderThan(due)) return
    const reason = blockedReason ?? `${address} did not confirm within ${CONFIRM_TIMEOUT_MS / 1000} s`
    // A queue without a majority does not confirm; whatever goes to other queues is to go on.
    if (blockedReason === null && answeredAtMs < due) end(reason)
    else unconfirmed.giveUp(reason, due)
    pump()
  }

  function block(reason: string | null): void {
    blockedReason = reason === null ? null : `${address} takes no messages: ${reason}`
    if (blockedReason !== null) dropWaiting(blockedReason)
    onBlocked(blockedReason)
  }

  function listen(): void {
    const answered = (tag: number, multiple: boolean, refusal: string | null) => {
      answeredAtMs = performance.now()
      unconfirmed.answered(tag, multiple, refusal)
      pump()
    }
    channel.on('ack', ({ deliveryTag, multiple }) => answered(deliveryTag, multiple, null))
    channel.on('nack', ({ deliveryTag, multiple }) => answered(deliveryTag, multiple, `${address} refused the message`))
    channel.on('return', ({ content }) => unconfirmed.returned(uniqueIdOf(content)))
    channel.on('drain', () => {
      isDraining = false
      pump()
    })
    connection.on('blocked', block)
    connection.on('unblocked', () => block(null))
    for (const emitter of [channel, connection]) {
      emitter.on('error', (error: Error) => {
        trouble = `${address}: ${reasonOf(error)}`
      })
    }
    connection.on('close', (error) => end(trouble ?? `${address}: ${error === undefined ? 'closed' : reasonOf(error)}`))
    // Where it is the connection that has gone, its own 'close' follows within this turn, and knows why.
    channel.on('close', () => setImmediate(() => end(trouble ?? `${address}: the channel was closed`)))
  }

  // Behind what has come in meanwhile, for this process may have been paused.
  const timer = setInterval(() => setImmediate(giveUpOnOverdue), CONFIRM_TIMEOUT_MS / 10)
  listen()
  return {
    ended,
    counts: () => ({ unconfirmed: unconfirmed.size, waiting: waiting.length }),
    publish: (message) => {
      const reason = refusal()
      if (reason !== null) return Promise.resolve({ kind: 'away', reason })
      return new Promise((settle) => {
        waiting.push({ message, settle })
        waitingBytes += message.body.length
        pump()
      })
    },
    close: async () => {
      isClosing = true
      const timeout = setTimeout(tellFlushed, FLUSH_TIMEOUT_MS)
      pump()
      await flushed
      clearTimeout(timeout)
      end('the connection is closed')
      await ended
    },
  }
}
