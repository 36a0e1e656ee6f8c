import { expect } from 'vitest'
import { type Client, createClient, type Delivery, staticToken } from '../../src/sdk/index.ts'

/** Asks a novacast as its administrator. */
export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = createClient({ url, auth: staticToken('admin:admin') })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

/** Registers these servers, one after the other on each of these hosts. */
export async function register(client: Client, servers: readonly string[], hosts: readonly string[]): Promise<void> {
  const lines = servers.map((uuid, i) => `${JSON.stringify({ uuid, host: hosts[i % hosts.length] })}\n`)
  await client.servers.import(
    (async function* () {
      yield* lines
    })(),
  )
}

/** Follows a host until nothing waits for it any more; answers the deliveries in the order of their first arrival. */
export async function drain(client: Client, host: string): Promise<Delivery[]> {
  const arrived = new Map<string, Delivery>()
  const over = new AbortController()
  let unacknowledged: string[] = []
  const acknowledge = async () => {
    const ids = unacknowledged
    unacknowledged = []
    for (let at = 0; at < ids.length; at += 1000)
      expect((await client.hosts.ack(host, ids.slice(at, at + 1000))).unknown).toEqual([])
    const { pending, dispatched } = await client.hosts.get(host)
    if (pending + dispatched === 0) over.abort()
  }
  const timer = setInterval(() => void acknowledge().catch(() => over.abort()), 50)
  try {
    for await (const delivery of client.hosts.follow(host, { signal: over.signal })) {
      if (!arrived.has(delivery.id)) arrived.set(delivery.id, delivery)
      unacknowledged.push(delivery.id)
    }
  } finally {
    clearInterval(timer)
  }
  return [...arrived.values()]
}

/** Those of each server came in the order in which they were accepted. */
export function expectOrder(deliveries: readonly Delivery[], servers: readonly string[]): void {
  for (const server of servers) {
    const ids = deliveries.filter((each) => each.server_uuid === server).map(({ id }) => id)
    expect(ids).toEqual([...ids].sort())
  }
}
