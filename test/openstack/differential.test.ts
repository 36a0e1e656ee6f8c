import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Keystone, SeededServer } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { CAPTURED } from './captured.ts'
import { ENGINES, openCloud } from './clouds.ts'
import { type NovaDatabases, openNovaDatabases, type Row } from './databases.ts'
import { DIFFERENCES } from './differences.ts'
import { hostNames, joinCell } from './hosts.ts'
import { openInbox } from './inbox.ts'
import { createObserver, type EventBody, type Observed, type Posted } from './observe.ts'
import { type HostNames, plant } from './plant.ts'
import { novaApi, startBesideNova } from './senders.ts'
import { JSON_TYPE, type Servers, SITUATIONS } from './situations.ts'

const stand = await useStand('nova', 'keystone', 'rabbitmq')

describeOn(stand, 'novacast answers, casts and records as nova-api does,', (stand) => {
  beforeAll(() => fillCatalog(stand.keystone))

  describe.each(ENGINES)('on %s:', (engine) => {
    const made = new AsyncDisposableStack()
    const hosts = hostNames()
    /** Posts to the real nova-api, then to novacast. */
    let ask: (posted: Posted) => Promise<{ readonly novas: Observed; readonly ours: Observed }>
    let servers: Servers
    /** Posts to novacast, about a server on a real nova-compute of this Nova; gives what became of its instance actions. */
    let actOn: (event: Omit<EventBody, 'server_uuid'>) => Promise<() => Promise<readonly Row[]>>

    beforeAll(async () => {
      const { nova, rabbitmq } = made.adopt(await openCloud(engine, stand), (cloud) => cloud.close())
      const databases = made.adopt(openNovaDatabases(nova), (each) => each.close())
      made.adopt(await joinCell(databases, [hosts['compute-1'], hosts['compute-2']]), (leave) => leave())
      const inbox = made.adopt(await openInbox(rabbitmq, Object.values(hosts)), (each) => each.close())
      const novacast = made.adopt(await startBesideNova(nova), (each) => each.close())
      const observe = createObserver({ keystone: stand.keystone, databases, inbox })
      ask = async (posted) => ({ novas: await observe(novaApi(nova), posted), ours: await observe(novacast, posted) })

      const on = { hosts: [hosts['compute-1'], hosts['compute-2']] }
      actOn = async (event) => {
        const [server] = await nova.seed(1, { hosts: ['compute-1'], rich: true })
        const server_uuid = server?.uuid ?? ''
        const headers = { ...JSON_TYPE, 'openstack-api-version': 'compute 2.93' }
        const { answer } = await observe(novacast, { headers, body: { events: [{ ...event, server_uuid }] } })
        expect(answer.status).toBe(200)
        return () =>
          databases
            .of('nova_cell1')
            .selectFrom('instance_actions as a')
            .leftJoin('instance_actions_events as e', 'e.action_id', 'a.id')
            .select(['a.action', 'e.event', 'e.result', 'e.host'])
            .where('a.instance_uuid', '=', server_uuid)
            .execute()
      }

      const [plain, rich, captured] = await Promise.all([
        nova.seed(3, on),
        nova.seed(2, { ...on, rich: true }),
        plant(databases, CAPTURED, hosts),
      ])
      servers = toServers(plain, rich, captured)
      await giveNetworkCache(databases, plain)
    })
    afterAll(() => made.disposeAsync())

    it.each(SITUATIONS.filter(({ name }) => !DIFFERENCES.has(name)))('$name', async ({ posted }) => {
      const { novas, ours } = await ask(posted(servers))
      expect(novas.answer.status).toBeLessThan(500)
      expect(ours).toEqual(novas)
    })

    // A server that runs cannot be powered on: nothing to do, and no error.
    it.each([
      [
        { name: 'volume-extended', tag: 'a-volume' },
        { action: 'extend_volume', event: 'compute_extend_volume' },
      ],
      [
        { name: 'power-update', tag: 'POWER_ON' },
        { action: 'start', event: 'compute_power_update' },
      ],
    ])('the real nova-compute brings the action of a $name that was posted to novacast to its end', async (event, action) => {
      const actions = await actOn(event)
      await expect.poll(actions, { timeout: 100_000 }).toEqual([{ ...action, result: 'Success', host: 'compute-1' }])
    })

    it('where there is much to compare', async () => {
      const { novas } = await ask({
        headers: JSON_TYPE,
        body: { events: [{ server_uuid: servers.rich, name: 'network-changed' }] },
      })
      const catalog = [{ type: 'key-manager' }, { type: 'accelerator' }]
      const cache = { 'nova_object.data': { network_info: [{ type: 'ovs', vnic_type: 'normal' }] } }
      const instances = [{ 'nova_object.data': { key_name: 'key', locked_by: 'owner', info_cache: cache } }]
      expect(novas.casts).toMatchObject([
        {
          message: {
            _context_service_catalog: expect.arrayContaining(catalog.map((each) => expect.objectContaining(each))),
            args: { instances },
          },
        },
      ])
    })

    describe('but for', () => {
      const different = SITUATIONS.flatMap((situation) => {
        const difference = DIFFERENCES.get(situation.name)
        return difference === undefined ? [] : { ...situation, difference }
      })

      it.each(different)('$name: $difference.reason', async ({ posted, difference }) => {
        const { novas, ours } = await ask(posted(servers))
        expect(ours, 'no longer a difference').not.toEqual(novas)
        if (difference.kind === 'changed') return expect(ours).toEqual(difference.instead(novas))
        expect(novas).toMatchObject({ answer: { status: 500 }, casts: [], actions: [] })
        expect(outcomeOf(ours, hosts)).toEqual({ codes: difference.codes, casts: difference.casts })
      })

      it('nothing that is not posted', () => {
        expect([...DIFFERENCES.keys()].toSorted()).toEqual(different.map(({ name }) => name).toSorted())
      })
    })
  })
})

/** What requests are about, of the servers that were made. */
function toServers(
  plain: readonly SeededServer[],
  rich: readonly SeededServer[],
  captured: ReadonlyMap<string, Posted>,
): Servers {
  const all = [...plain, ...rich].map(({ uuid }) => uuid)
  const at = (index: number) => all[index] ?? ''
  return {
    plain: at(0),
    other: at(1),
    rich: at(plain.length),
    all,
    captured: (name) => {
      const posted = captured.get(name)
      if (posted === undefined) throw new Error(`expected a captured situation, got ${name}`)
      return posted
    },
  }
}

/** An empty one, as servers that run have it; the seed leaves none. */
async function giveNetworkCache(databases: NovaDatabases, servers: readonly SeededServer[]): Promise<void> {
  const uuids = servers.map(({ uuid }) => uuid)
  const update = databases.of('nova_cell1').updateTable('instance_info_caches').set({ network_info: '[]' })
  await update.where('instance_uuid', 'in', uuids).execute()
}

/** Services of types that a context names, and of one that it does not; none that a nova-compute of the stand would turn to. */
async function fillCatalog(keystone: Keystone): Promise<void> {
  const name = `differential-${randomBytes(4).toString('hex')}`
  for (const type of ['key-manager', 'accelerator', 'object-store'])
    await keystone.addEndpoint({ service: `${type}-${name}`, type, region: name, url: 'http://127.0.0.1:9/v1/$(project_id)s' })
}

/** What each event was answered, and which hosts got a cast, by the names that were captured. */
function outcomeOf({ answer, casts }: Observed, hosts: HostNames) {
  const { events } = answer.body as { events: { code: number }[] }
  const names = new Map(Object.entries(hosts).map(([name, host]) => [`compute.${host}`, name]))
  return { codes: events.map(({ code }) => code), casts: casts.map(({ routingKey }) => names.get(routingKey)) }
}
