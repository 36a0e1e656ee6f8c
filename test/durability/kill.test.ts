import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { drain, expectOrder, register, withClient } from './drain.ts'
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

describe('kill -9 under load', () => {
  it('loses no event that was answered 200', { timeout: 180_000 }, async () => {
    const answered = new Set<string>()
    let posts = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const novacast = await startDoomed(dataDir)
      if (kill === 0) await withClient(novacast.url, (client) => register(client, SERVERS, HOSTS))
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
        expectOrder(deliveries, SERVERS)
        console.log(
          `${posts} POSTs answered, ${answered.size} events accepted, ${KILLS} kills: ${journalled.size} in the journal, ${deliveries.length} delivered`,
        )
      })
    } finally {
      await novacast.kill()
    }
  })
})
