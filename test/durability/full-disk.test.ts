import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canMount, mountDisk } from '../support/small-disk.ts'
import { drain, expectOrder, register, withClient } from './drain.ts'
import { startDoomed } from './novacast-to-kill.ts'

const HOSTS = ['compute-1', 'compute-2'] as const
const SERVERS = Array.from({ length: 10 }, () => crypto.randomUUID())
const SENDERS = 16
const EVENTS = 5
const LONG = { timeout: 100_000 }

/** Tags of events, by what became of their POST. */
interface Told {
  readonly accepted: Set<string>
  readonly refused: Set<string>
}

/** Posts until `isOver`; every answer is a 200 for all its events, or a 503 that says when to come again. */
async function post(url: string, told: Told, isOver: () => boolean): Promise<void> {
  const agent = new Agent({ connections: SENDERS })
  onTestFinished(() => agent.close())
  const sender = async () => {
    while (!isOver()) {
      const tags = Array.from({ length: EVENTS }, () => crypto.randomUUID())
      const events = tags.map((tag, i) => ({
        server_uuid: SERVERS[(told.accepted.size + i) % SERVERS.length],
        name: PLUGGED,
        tag,
      }))
      const { statusCode, headers, body } = await request(`${url}/v2.1/os-server-external-events`, {
        ...{ dispatcher: agent, method: 'POST', body: JSON.stringify({ events }) },
        headers: { 'x-auth-token': 'admin:admin', 'content-type': 'application/json' },
      })
      const answer: unknown = await body.json()
      if (statusCode === 200) for (const tag of tags) told.accepted.add(tag)
      else {
        expect([statusCode, headers['retry-after'], answer]).toEqual([503, '1', { serviceUnavailable: expect.anything() }])
        for (const tag of tags) told.refused.add(tag)
      }
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
}

const PLUGGED = 'network-vif-plugged'

/** The last pages of a full disk may take a small write or two. */
async function untilRefused(write: () => Promise<unknown>): Promise<void> {
  const why = () => write().then(() => 'written', String)
  await expect.poll(why, { timeout: 60_000, interval: 0 }).toContain('the disk is full')
}

async function ask(url: string): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(url)
  return { status: statusCode, text: await body.text() }
}

describe.skipIf(!canMount())('a disk that fills under load', () => {
  it('is told to senders at once; what is on it is read and delivered; all goes on when there is room again', async () => {
    const disk = mountDisk(8)
    onTestFinished(() => disk.remove())
    const ballast = join(disk.path, 'ballast')
    writeFileSync(ballast, Buffer.alloc(5 << 20, 1))
    const dataDir = join(disk.path, 'data')
    mkdirSync(dataDir)
    const novacast = await startDoomed(dataDir)
    onTestFinished(() => novacast.kill())
    const { url } = novacast
    await withClient(url, (client) => register(client, SERVERS, HOSTS))

    const told: Told = { accepted: new Set(), refused: new Set() }
    await post(url, told, () => told.refused.size >= 100 * EVENTS)
    expect(told.accepted.size).toBeGreaterThan(0)
    await expect.poll(async () => (await ask(`${url}/readyz`)).text, LONG).toContain('the disk is full')
    expect((await ask(`${url}/healthcheck`)).status).toBe(503)
    expect((await ask(`${url}/livez`)).status).toBe(200)

    await withClient(url, async (client) => {
      // Reads go on, and nothing is half accepted.
      const kept = new Set<string>()
      for await (const { tag, code } of client.events.search()) if (code === 200) kept.add(tag ?? '')
      expect(kept).toEqual(told.accepted)
      expect((await client.servers.get(SERVERS[0] ?? '')).host).toBe(HOSTS[0])
      await untilRefused(() => client.servers.put(crypto.randomUUID(), { host: HOSTS[0] }))

      // What is on the disk goes to its host, which cannot end it now.
      const over = new AbortController()
      const waiting: string[] = []
      for await (const { id } of client.hosts.follow(HOSTS[0], { signal: over.signal }))
        if (waiting.push(id) === 100) over.abort()
      await untilRefused(() => client.hosts.ack(HOSTS[0], [waiting.shift() ?? '']))

      rmSync(ballast)
      await expect.poll(async () => (await ask(`${url}/readyz`)).text, LONG).toBe('OK\n')
      const before = told.accepted.size
      const refused = told.refused.size
      await post(url, told, () => told.accepted.size >= before + 200)
      expect(told.refused.size).toBe(refused)

      const deliveries = (await Promise.all(HOSTS.map((host) => drain(client, host)))).flat()
      expect(new Set(deliveries.map(({ tag }) => tag))).toEqual(told.accepted)
      expectOrder(deliveries, SERVERS)
    })
    console.log(`${told.accepted.size} events accepted, ${told.refused.size} refused while the disk was full`)
  })
})
