import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, type ConsumeMessage, connect } from 'amqplib'
import { onTestFinished } from 'vitest'

/** An event as it arrived at a host. */
export interface Arrival {
  readonly server: string
  readonly tag: string
  /** By the monotonic clock. */
  readonly atMs: number
  /** The broker had handed it out before: it was not acknowledged when a connection ended. */
  readonly isRedelivered: boolean
}

/** Stands in for the nova-computes of some hosts. */
export interface Computes {
  /** In the order of arrival, each host's for itself; what came twice stands here twice. */
  readonly arrivals: readonly Arrival[]
  /** Declares the queues and takes what comes, again each time that the connection is lost. Resolves when it does for the first time. */
  join(): Promise<void>
  /** Takes nothing any more, and does not come back by itself. The queues stay, as far as the broker keeps them. */
  leave(): Promise<void>
  /** Resolves when all has arrived that the queues hold now. */
  drain(): Promise<void>
}

export interface ComputesOptions {
  /** Of the virtual host of their cell. */
  readonly url: string
  readonly hosts: readonly string[]
  /** Whether what waits in their queues outlives the broker. nova-compute's does not, unless the cloud is set up so. */
  readonly durable: boolean
}

/** None of them has joined yet. */
export function createComputes({ url, hosts, durable }: ComputesOptions): Computes {
  const arrivals: Arrival[] = []
  const marks = new Map<string, () => void>()
  let isThere = false
  let current: ChannelModel | null = null
  let staying: Promise<void> = Promise.resolve()

  const take = (message: ConsumeMessage) => {
    const reached = marks.get(String(message.properties.messageId))
    if (reached === undefined) arrivals.push(...arrivalsOf(message))
    else reached()
  }
  const joinOnce = async (): Promise<ChannelModel> => {
    const connection = await connect(url)
    connection.on('error', () => {})
    try {
      await listen(connection)
    } catch (error) {
      // Half joined, it would share queues with the one that joins next, and what they take has no order.
      await connection.close().catch(() => {})
      throw error
    }
    return connection
  }
  const listen = async (connection: ChannelModel) => {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.assertExchange('nova', 'topic', { durable: false })
    for (const host of hosts) {
      const { queue } = await channel.assertQueue(`compute.${host}`, { durable })
      await channel.bindQueue(queue, 'nova', queue)
      await channel.consume(queue, (message) => {
        if (message === null) return
        take(message)
        channel.ack(message)
      })
    }
  }
  /** As long as it is there: joins again each time that the connection is lost. */
  const stay = async (first: ChannelModel) => {
    for (let connection: ChannelModel | null = first; isThere; ) {
      current = connection
      if (connection !== null) await new Promise<void>((resolve) => current?.once('close', () => resolve()))
      if (isThere) connection = await joinOnce().catch(() => sleep(200, null))
    }
    await current?.close().catch(() => {})
  }
  const leave = async () => {
    isThere = false
    await current?.close().catch(() => {})
    await staying
  }
  onTestFinished(leave)
  return {
    arrivals,
    leave,
    join: async () => {
      isThere = true
      current = await joinOnce()
      staying = stay(current)
    },
    drain: async () => {
      const connection = await connect(url)
      const channel = await connection.createConfirmChannel()
      const reached = hosts.map((host) => {
        const messageId = randomUUID()
        channel.sendToQueue(`compute.${host}`, Buffer.alloc(0), { messageId, persistent: true })
        return new Promise<void>((resolve) => marks.set(messageId, resolve))
      })
      await Promise.all(reached)
      await connection.close()
    },
  }
}

interface Call {
  readonly args: { readonly events: readonly { readonly 'nova_object.data': { instance_uuid: string; tag: string } }[] }
}

function arrivalsOf({ content, fields }: ConsumeMessage): Arrival[] {
  const { 'oslo.message': text } = JSON.parse(content.toString()) as { 'oslo.message': string }
  const { args } = JSON.parse(text) as Call
  const atMs = performance.now()
  const isRedelivered = fields.redelivered
  return args.events.map(({ 'nova_object.data': { instance_uuid, tag } }) => ({
    server: instance_uuid,
    tag,
    atMs,
    isRedelivered,
  }))
}

/** A host name that nobody else has: a broker may be kept from run to run, and durable queues with it. */
export const ownHost = (name: string): string => `${name}.${randomUUID().slice(0, 8)}`
