import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Delivery } from '../sdk/index.ts'

/** A host of the demonstration: takes its events and acknowledges them while it is there. */
export interface DemoHost {
  readonly name: string
  /** Connects; resolves when the stream stands. */
  come(): Promise<void>
  /** Leaves, after what it took is acknowledged; resolves when novacast has noticed. */
  go(): Promise<void>
  /** Resolves when it has got so many events in all. Rejects after ten seconds. */
  hasGot(count: number): Promise<void>
}

const PATIENCE_MS = 10_000

/** A host that tells of each delivery before it acknowledges it. Repeats are left out. */
export function createDemoHost(client: Client, name: string, onDelivery: (delivery: Delivery) => Promise<void>): DemoHost {
  const got = new Set<string>()
  const changes = new EventEmitter()
  let leave = new AbortController()
  let following: Promise<void> = Promise.resolve()

  const follow = async (signal: AbortSignal, onConnected: () => void) => {
    const onStatus = ({ kind }: { readonly kind: string }) => kind === 'connected' && onConnected()
    for await (const delivery of client.hosts.follow(name, { signal, onStatus })) {
      if (!got.has(delivery.id)) await onDelivery(delivery)
      await client.hosts.ack(name, [delivery.id])
      got.add(delivery.id)
      changes.emit('got')
    }
  }

  return {
    name,
    come: () =>
      new Promise((resolve, reject) => {
        leave = new AbortController()
        following = follow(leave.signal, resolve)
        following.catch(reject)
      }),
    go: async () => {
      leave.abort()
      await following
      const giveUp = AbortSignal.timeout(PATIENCE_MS)
      while ((await client.hosts.get(name)).connected) await sleep(10, undefined, { signal: giveUp })
    },
    hasGot: async (count) => {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      while (got.size < count)
        await once(changes, 'got', { signal }).catch(() => {
          throw new Error(`${name} got ${got.size} events in ${PATIENCE_MS / 1000} s, expected ${count}`)
        })
    },
  }
}
