import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterAll, describe, expect, it } from 'vitest'
import { createClient, type Delivery, staticToken } from '../../src/sdk/index.ts'
import { startDoomed } from './novacast-to-kill.ts'

const SERVER = crypto.randomUUID()
const HOST = 'compute-1'
const SENDERS = 16
const KILLS = 2
/** Requests that are answered in each life before the kill, which then hits whatever is under way. */
const ANSWERS_BEFORE_KILL = 300

const dataDir = mkdtempSync(join(tmpdir(), 'novacast-repeats-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

/** A request that is sent until it is answered, with the same id and body each time. */
interface Persistent {
  readonly tag: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function newRequest(): Persistent {
  const tag = crypto.randomUUID()
  return {
    tag,
    headers: {
      'x-auth-token': 'admin:admin',
      'content-type': 'application/json',
      'x-openstack-request-id': `req-${crypto.randomUUID()}`,
    },
    body: JSON.stringify({ events: [{ name: 'network-changed', server_uuid: SERVER, tag }] }),
  }
}

/** Of some requests: their sender breaks the connection after a moment, be it before the commit or behind it. */
function giveUpSoon(): AbortSignal | null {
  return Math.random() < 0.2 ? AbortSignal.timeout(Math.floor(Math.random() * 8)) : null
}

describe('kill -9 under load, with senders that send again what was not answered', () => {
  it('has each request once, whether its answer was lost or it never arrived', { timeout: 600_000 }, async () => {
    const agent = new Agent({ connections: SENDERS })
    const all: Persistent[] = []
    let unanswered: Persistent[] = []
    const statuses = new Set<number>()
    let known = 0

    const sendUntilKilled = async (url: string, isLast: boolean, kill: () => void) => {
      let answers = 0
      const again = unanswered
      unanswered = []
      const sender = async () => {
        for (;;) {
          const old = again.pop()
          if (old === undefined && isLast) return
          const each = old ?? newRequest()
          if (old === undefined) all.push(each)
          const { headers, body } = each
          const signal = giveUpSoon()
          try {
            const answer = await request(`${url}/v2.1/os-server-external-events`, {
              dispatcher: agent,
              method: 'POST',
              headers,
              body,
              signal,
            })
            await answer.body.dump()
            statuses.add(answer.statusCode)
            if (answer.headers['x-novacast-repeat-of'] !== undefined) known++
          } catch {
            if (signal?.aborted === true) {
              again.push(each)
              continue
            }
            unanswered.push(each)
            return
          }
          if (++answers === ANSWERS_BEFORE_KILL) kill()
        }
      }
      await Promise.all(Array.from({ length: SENDERS }, sender))
      unanswered.push(...again)
    }
    for (let life = 0; life < KILLS; life++) {
      const novacast = await startDoomed(dataDir)
      const client = createClient({ url: novacast.url, auth: staticToken('admin:admin') })
      if (life === 0) await client.servers.put(SERVER, { host: HOST })
      await client.close()
      await sendUntilKilled(novacast.url, false, () => void novacast.kill())
      await novacast.kill()
    }
    const novacast = await startDoomed(dataDir)
    const client = createClient({ url: novacast.url, auth: staticToken('admin:admin') })
    expect(unanswered.length).toBeGreaterThan(0)
    await sendUntilKilled(novacast.url, true, () => {})
    expect(unanswered).toEqual([])
    expect([...statuses]).toEqual([200])

    const tags: (string | null)[] = []
    let repeats = 0
    for await (const event of client.events.search()) {
      tags.push(event.tag)
      repeats += event.repeats
    }
    expect(tags.sort()).toEqual(all.map(({ tag }) => tag).sort())
    // A repeat may have been counted whose answer was lost as well.
    expect(repeats).toBeGreaterThanOrEqual(known)
    expect(known).toBeGreaterThan(0)
    const { pending, dispatched } = await client.hosts.get(HOST)
    expect(pending + dispatched).toBe(all.length)
    const arrived = new Map<string, Delivery>()
    for await (const delivery of client.hosts.follow(HOST)) {
      arrived.set(delivery.id, delivery)
      if (arrived.size === all.length) break
    }
    const ids = [...arrived.keys()]
    for (let from = 0; from < ids.length; from += 1000) await client.hosts.ack(HOST, ids.slice(from, from + 1000))
    expect(await client.hosts.get(HOST)).toMatchObject({ pending: 0, dispatched: 0 })
    expect([...arrived.values()].map(({ tag }) => tag).sort()).toEqual(tags)
    console.log(`${all.length} requests, ${KILLS} kills: ${known} repeats of what had been accepted, each delivered once`)
    await client.close()
    await agent.close()
    await novacast.kill()
  })
})
