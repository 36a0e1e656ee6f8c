import { setTimeout as sleep } from 'node:timers/promises'
import { type ConsumeMessage, connect } from 'amqplib'

/** Stands in for the nova-computes of some hosts: durable queues, whatever is in them is taken, again each time the broker is back. */
export interface SoakHosts {
  /** Resolves when all of them take. */
  readonly joined: Promise<void>
  stop(): Promise<void>
}

export function startHosts(url: string, names: readonly string[], arrived: (tag: number) => void): SoakHosts {
  const joined = Promise.withResolvers<void>()
  let isOver = false
  let leave = async () => {}

  const take = ({ content }: ConsumeMessage) => {
    const { 'oslo.message': text } = JSON.parse(content.toString()) as { 'oslo.message': string }
    const { args } = JSON.parse(text) as { args: { events: readonly { 'nova_object.data': { tag: string } }[] } }
    for (const { 'nova_object.data': event } of args.events) arrived(Number(event.tag))
  }
  const join = async () => {
    const connection = await connect(url)
    const lost = new Promise<void>((resolve) => connection.once('close', () => resolve()))
    connection.on('error', () => {})
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.assertExchange('nova', 'topic', { durable: false })
    for (const name of names) {
      const { queue } = await channel.assertQueue(`compute.${name}`, { durable: true })
      await channel.bindQueue(queue, 'nova', queue)
      await channel.consume(queue, (message) => {
        if (message === null) return
        take(message)
        channel.ack(message)
      })
    }
    leave = () => connection.close()
    joined.resolve()
    await lost
  }
  const stay = async () => {
    while (!isOver) await join().catch(() => sleep(200))
  }
  const staying = stay()
  return {
    joined: joined.promise,
    stop: async () => {
      isOver = true
      await leave().catch(() => {})
      await staying
    },
  }
}
