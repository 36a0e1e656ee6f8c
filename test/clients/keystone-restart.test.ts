import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Service } from '../cli/service.ts'
import type { Keystone, Own } from '../stand/stand.ts'
import { describeOn, startKeystone, useStand } from '../stand/use-stand.ts'
import { waitFor } from '../stand/wait.ts'
import { registerServers, startBeside } from './beside-keystone.ts'

const stand = await useStand()

/** Tokens that novacast has not seen when Keystone goes. */
const UNSEEN = 6

describeOn(stand, 'while Keystone is stopped and started again under a flow of requests', () => {
  const server = randomUUID()
  const connections = new Agent({ connections: 8 })
  let keystone: Keystone & Own
  let service: Service

  beforeAll(async () => {
    keystone = await startKeystone()
    service = await startBeside(keystone)
    await registerServers(service.url, await keystone.token('admin'), { [server]: 'compute-1' })
  })
  afterAll(async () => {
    await service.stop()
    await connections.close()
    await keystone.remove()
  })

  const post = async (token: string) => {
    const { statusCode, headers, body } = await request(`${service.url}/v2.1/os-server-external-events`, {
      method: 'POST',
      dispatcher: connections,
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      body: JSON.stringify({ events: [{ server_uuid: server, name: 'network-changed', tag: randomUUID() }] }),
    })
    return { status: statusCode, retryAfter: headers['retry-after'], text: await body.text() }
  }

  /** Posts with this token, one request after the other, until told to stop; gives how many were answered with each status. */
  const flow = (token: string) => {
    const counts = new Map<number, number>()
    let isOver = false
    const run = async () => {
      while (!isOver) {
        const { status } = await post(token)
        counts.set(status, (counts.get(status) ?? 0) + 1)
        await sleep(5)
      }
    }
    const running = Promise.all([run(), run()])
    return {
      counts,
      stop: async () => {
        isOver = true
        await running
        return Object.fromEntries(counts)
      },
    }
  }

  it('tokens it knows go on, others get 503 and never 401, and all is well after', async () => {
    const known = await Promise.all([keystone.token('neutron'), keystone.token('cinder')])
    const unseen = await Promise.all(Array.from({ length: UNSEEN }, () => keystone.token('nova')))
    for (const token of known) expect(await post(token)).toMatchObject({ status: 200 })

    const flows = known.map(flow)
    await sleep(200)
    await keystone.stop()
    const before = flows.map(({ counts }) => counts.get(200) ?? 0)
    const refused = await Promise.all(unseen.map(post))
    expect(refused.map(({ status }) => status)).toEqual(Array(UNSEEN).fill(503))
    for (const { text, retryAfter } of refused) {
      expect(retryAfter).toMatch(/^[0-9]+$/)
      expect(text).toMatch(/Keystone|identity/i)
    }
    for (const [index, { counts }] of flows.entries()) expect(counts.get(200)).toBeGreaterThan(before[index] ?? 0)

    await keystone.start()
    for (const token of unseen)
      await waitFor('a token to be believed again', async () => ((await post(token)).status === 200 ? true : null))
    expect(await post(await keystone.token('ironic'))).toMatchObject({ status: 200 })
    expect(await post('not-a-token')).toMatchObject({ status: 401 })
    for (const each of flows) expect(Object.keys(await each.stop())).toEqual(['200'])
  })
})
