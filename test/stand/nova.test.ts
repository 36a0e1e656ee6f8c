import { request } from 'undici'
import { expect, it } from 'vitest'
import type { Keystone, Nova } from './stand.ts'
import { describeOn, useStand } from './use-stand.ts'

const stand = await useStand('keystone', 'nova')

/** Asks nova-api to hand on a network-changed for each of these servers. */
async function send(keystone: Keystone, nova: Nova, servers: readonly string[]) {
  const { statusCode, body } = await request(`${nova.url}/v2.1/os-server-external-events`, {
    method: 'POST',
    headers: { 'x-auth-token': await keystone.token('neutron'), 'content-type': 'application/json' },
    body: JSON.stringify({ events: servers.map((server_uuid) => ({ server_uuid, name: 'network-changed' })) }),
  })
  const answer = (await body.json()) as { events: { code: number }[] }
  return { status: statusCode, codes: answer.events.map(({ code }) => code) }
}

async function reachesItsHost(keystone: Keystone, nova: Nova): Promise<void> {
  const servers = await nova.seed(2)
  const since = nova.logLength('compute-2')
  expect(
    await send(
      keystone,
      nova,
      servers.map(({ uuid }) => uuid),
    ),
  ).toEqual({ status: 200, codes: [200, 200] })
  await nova.nextLog('compute-2', new RegExp(`instance: ${servers[1]?.uuid}\\] Received event network-changed`), { since })
}

describeOn(stand, 'Nova', ({ keystone, nova }) => {
  it('takes an event to the nova-compute of its server', () => reachesItsHost(keystone, nova))

  it('has the servers that the corpus names, the deleted one included, as Nova does not look at that', async () => {
    const servers = await nova.seedCorpus()
    const { building, ...others } = servers
    expect(building).toMatch(/-/)
    expect(await send(keystone, nova, Object.values(others))).toEqual({
      status: 207,
      codes: [200, 200, 422, 200, 404, 200, 200, 422, 422, 404],
    })
  })

  it('carries all that a server can', async () => {
    const [server] = await nova.seed(1, { rich: true })
    expect(await send(keystone, nova, [server?.uuid ?? ''])).toEqual({ status: 200, codes: [200] })
  })
})
