import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Nova } from '../stand/stand.ts'
import { describeOn, startHaproxy, useStand } from '../stand/use-stand.ts'
import { expectAll, settle } from './account.ts'
import { PATIENT, SOME, untilMore } from './cloud.ts'
import { createComputes, ownHost } from './computes.ts'
import { startLoad } from './load.ts'
import { type Novacast, openClient, startNovacast, storiesOf } from './novacast.ts'

const stand = await useStand('keystone', 'rabbitmq', 'mariadb', 'nova')

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const RULE = /```\n(frontend compute\n[^`]+)```/.exec(README)?.[1] ?? ''

/** An HAProxy as README has it, before this Nova and these replicas; gone after the test. */
async function startInFront(nova: Nova, replicas: readonly Novacast[]) {
  const servers = replicas.map(({ url }, i) => `    server controller${i + 1} ${new URL(url).host} check`)
  const sections = RULE.replace(/(?: +server .+\n)+/, `${servers.join('\n')}\n`)
  const haproxy = await startHaproxy(`${sections}\nbackend nova-api\n    server nova ${new URL(nova.url).host}\n`)
  onTestFinished(() => haproxy.remove())
  return haproxy
}

/** Hosts of their own, and servers on them. */
async function hostsAndServers(nova: Nova, rabbitmqUrl: string) {
  const hosts = [ownHost('behind-1'), ownHost('behind-2')]
  const computes = createComputes({ url: rabbitmqUrl, hosts, durable: true })
  await computes.join()
  return { computes, servers: (await nova.seed(16, { hosts })).map(({ uuid }) => uuid) }
}

describeOn(stand, 'novacast behind the HAProxy rule of README', ({ keystone, nova, rabbitmq, mariadb }) => {
  let token: string
  beforeAll(async () => {
    token = await keystone.token('neutron')
  })

  it('gets the external events, whatever the path before; all else is nova-api’s', async () => {
    expect(RULE).toContain('path_end /os-server-external-events')
    const novacast = await startNovacast(nova)
    const client = await openClient(novacast, keystone)
    const haproxy = await startInFront(nova, [novacast])
    const [server] = await nova.seed(1)
    const admin = await keystone.token('admin')
    const { service, admin: project } = keystone.projectIds
    const headers = { 'content-type': 'application/json', 'openstack-api-version': 'compute 2.93' }
    for (const path of ['/v2.1', '/v2', `/v2.1/${service}`, `/v2/${service}`]) {
      const tag = crypto.randomUUID()
      const events = [{ name: 'network-vif-plugged', server_uuid: server?.uuid, tag }]
      const answer = await request(`${haproxy.url}${path}/os-server-external-events?`, {
        method: 'POST',
        headers: { ...headers, 'x-auth-token': token },
        body: JSON.stringify({ events }),
      })
      expect([answer.statusCode, await answer.body.json()]).toMatchObject([200, { events: [{ code: 200, tag }] }])
      expect(await storiesOf(client, { tag })).toHaveLength(1)
    }
    const ask = (from: { readonly url: string }, path: string) =>
      request(`${from.url}${path}`, { headers: { ...headers, 'x-auth-token': admin } })
    const listed = await ask(haproxy, '/v2.1/servers?all_tenants=1&limit=1')
    expect([listed.statusCode, await listed.body.json()]).toMatchObject([200, { servers: [{ id: expect.any(String) }] }])
    for (const path of ['/', '/v2.1/', `/v2.1/${project}/os-hypervisors`, '/v2.1/os-services']) {
      const [ours, theirs] = [await ask(haproxy, path), await ask(nova, path)]
      const [here, there] = [await ours.body.text(), await theirs.body.text()]
      expect([path, ours.statusCode]).toEqual([path, theirs.statusCode])
      expect(here.length).toBeGreaterThan(there.length / 2)
    }
  })

  it('a replica is replaced with `drain`, then killed: no request is lost to the first, few to the second', PATIENT, async () => {
    const { url } = await mariadb.createDatabase()
    const replicas = [
      await startNovacast(nova, `connection = ${url}\ndrain = 8\n`),
      await startNovacast(nova, `connection = ${url}\n`),
    ]
    const [first, second] = replicas
    if (first === undefined || second === undefined) throw new Error('unreachable')
    const client = await openClient(second, keystone)
    const haproxy = await startInFront(nova, replicas)
    const { computes, servers } = await hostsAndServers(nova, rabbitmq.url())
    const load = startLoad({ urls: [haproxy.url], token, servers })
    await untilMore(load, SOME)
    await first.stop()
    await untilMore(load, SOME)
    await first.start()
    await untilMore(load, SOME)
    expect([...load.answers.keys()]).toEqual([200])

    // HAProxy has found it again: `rise 2`, `inter 2s`.
    await sleep(6000)
    await first.kill()
    await untilMore(load, SOME)
    await load.stop()
    const { 200: good, ...others } = Object.fromEntries(load.answers) as Record<string, number>
    console.log(`answers over HAProxy, a replica replaced and killed: ${good} of 200, else ${JSON.stringify(others)}`)
    // What was under way with the one that was killed: one request of each sender at most. HAProxy answers 502, or hangs up where the
    // connection to the replica had served before.
    expect(Object.keys(others).filter((status) => status !== '502' && status !== 'broken')).toEqual([])
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(8)
    await settle(client, load.accepted, [computes])
    expectAll('behind HAProxy, a replica replaced and killed', load.accepted, [computes])
  })
})
