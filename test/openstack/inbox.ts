import { randomUUID } from 'node:crypto'
import { type ConsumeMessage, connect } from 'amqplib'
import type { Rabbitmq } from '../stand/stand.ts'

/** What arrives at the broker for some hosts, whoever sent it. */
export interface Inbox {
  /** All that the broker has taken by now and that was not given before. */
  drain(): Promise<readonly ConsumeMessage[]>
  close(): Promise<void>
}

/** Listens in the place of the nova-computes of these hosts: one queue for all, so that what has arrived can be told from what has not. */
export async function openInbox(rabbitmq: Rabbitmq, hosts: readonly string[]): Promise<Inbox> {
  const connection = await connect(rabbitmq.url())
  const channel = await connection.createChannel()
  await channel.assertExchange('nova', 'topic', { durable: false })
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const host of hosts) await channel.bindQueue(queue, 'nova', `compute.${host}`)
  const arrived: ConsumeMessage[] = []
  const ends = new Map<string, () => void>()
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return
      const end = ends.get(message.properties.messageId)
      if (end === undefined) arrived.push(message)
      else end()
    },
    { noAck: true },
  )
  return {
    drain: async () => {
      const messageId = randomUUID()
      const end = new Promise<void>((resolve) => ends.set(messageId, resolve))
      channel.sendToQueue(queue, Buffer.alloc(0), { messageId })
      await end
      return arrived.splice(0)
    },
    close: () => connection.close(),
  }
}
