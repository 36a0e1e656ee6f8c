import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Client, createClient, type Delivery, staticToken } from '../../src/sdk/index.ts'
import { sendUntilGone } from './load.ts'
import { startDoomed } from './novacast-to-kill.ts'

const HOSTS = ['compute-1', 'compute-2', 'compute-3', 'compute-4'] as const
const SERVERS = Array.from({ length: 40 }, () => crypto.randomUUID())
const SENDERS = 32
const KILLS = 3
/** Posts that are answered before each kill, which then hits whatever is under way. */
const POSTS_BEFORE_KILL = 1500

const dataDir = mkdtempSync(join(tmpdir(), 'novacast-kill-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = createClient({ url, auth: staticToken('admin:admin') })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

async function register(client: Client): Promise<void> {
  const lines = SERVERS.map((uuid, i) => `${JSON.stringify({ uuid, host: HOSTS[i % HOSTS.length] })}\n`)
  await client.servers.import(
    (async function* () {
      yield* lines
    })(),
  )
}

/** Follows a host until nothing waits for it any more; answers the deliveries in the order of their first arrival. */
async function drain(client: Client, host: string): Promise<Delivery[]> {
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

describe('kill -9 under load', () => {
  it('loses no event that was answered 200', { timeout: 180_000 }, async () => {
    const answered = new Set<string>()
    let posts = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const novacast = await startDoomed(dataDir)
      if (kill === 0) await withClient(novacast.url, register)
      const load = await sendUntilGone({
        url: novacast.url,
        servers: SERVERS,
        senders: SENDERS,
        onAnswer: (count) => {
          if (count === POSTS_BEFORE_KILL + kill * 123) void novacast.kill()
        },
      })
      posts += load.posts
      for (const tag of load.accepted) answered.add(tag)
    }
    expect(posts).toBeGreaterThanOrEqual(KILLS * POSTS_BEFORE_KILL)

    const novacast = await startDoomed(dataDir)
    try {
      await withClient(novacast.url, async (client) => {
        const journalled = new Set<string>()
        for await (const { tag, code } of client.events.search()) if (code === 200 && tag !== null) journalled.add(tag)
        expect([...answered].filter((tag) => !journalled.has(tag))).toEqual([])

        const deliveries = (await Promise.all(HOSTS.map((host) => drain(client, host)))).flat()
        const delivered = new Set(deliveries.map(({ tag }) => tag))
        expect([...answered].filter((tag) => !delivered.has(tag))).toEqual([])
        expect(deliveries.length).toBe(journalled.size)
        for (const server of SERVERS) {
          const ids = deliveries.filter((each) => each.server_uuid === server).map(({ id }) => id)
          expect(ids).toEqual([...ids].sort())
        }
        console.log(
          `${posts} POSTs answered, ${answered.size} events accepted, ${KILLS} kills: ${journalled.size} in the journal, ${deliveries.length} delivered`,
        )
      })
    } finally {
      await novacast.kill()
    }
  })
})
