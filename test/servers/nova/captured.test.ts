import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerId, Whereabouts } from '../../../src/events/event.ts'
import type { NovaServers } from '../../../src/servers/nova/nova-servers.ts'
import { type Capture, captures, messageOf } from '../../nova/captures.ts'
import { useStand } from '../../stand/use-stand.ts'
import { CELLS, type Cloud, createCloud, type Row } from './cloud.ts'
import { hostsIn, novaServers } from './servers.ts'

interface Situation {
  readonly name: string
  readonly codes: Readonly<Record<ServerId, number>>
  readonly rows: Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>>
}

const DIRECTORY = join(import.meta.dirname, '../../data/nova-rows')
const situations: readonly Situation[] = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({ name: file.replace('.json', ''), ...JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')) }))

const TABLES = ['instances', 'instance_info_caches', 'instance_extra', 'migrations', 'instance_mappings']

/** Where Nova fails the whole request, novacast does this. */
const NOVA_FAILS: Readonly<Record<string, string>> = {
  'mapping-without-cell': 'unassigned',
  'good-and-mapping-without-cell': 'unassigned',
  'migration-row-missing': 'compute-1',
  'good-and-migration-row-missing': 'compute-1',
  'cross-cell-unmapped-host': 'compute-1',
}

async function fill(cloud: Cloud, { rows }: Situation): Promise<void> {
  await cloud.clear()
  await cloud.insert(
    'api',
    'host_mappings',
    ['compute-1', 'compute-2'].map((host) => ({ host, cell_id: CELLS.indexOf('cell1') + 1 })),
  )
  for (const table of TABLES)
    for (const [database, tables] of Object.entries(rows))
      await cloud.insert(
        database === 'nova_api' ? 'api' : database === 'nova_cell0' ? 'cell0' : 'cell1',
        table,
        tables[table] ?? [],
      )
}

/** What nova-api sent of a server: the hosts, and the Instance. */
function sentOf(capture: Capture | undefined, id: string) {
  const sent = (capture?.messages ?? []).flatMap((message) => {
    const instances = messageOf(message.body).args.instances.map((each) => each['nova_object.data'])
    return instances
      .filter(({ uuid }) => uuid === id)
      .map((data) => ({ host: message.routing_key.replace('compute.', ''), data }))
  })
  return { hosts: [...new Set(sent.map(({ host }) => host))].sort(), data: sent[0]?.data }
}

/** Nova parses the network cache and writes it again, with the defaults of each VIF. */
function withoutNetwork(data: Readonly<Record<string, unknown>> | undefined) {
  const text = JSON.stringify(data ?? null, (key, value) => (key === 'network_info' ? typeof value : value))
  const network = /"network_info":("(?:[^"\\]|\\.)*")/.exec(JSON.stringify(data ?? null))?.[1]
  const vifs: readonly Row[] = network === undefined ? [] : (JSON.parse(JSON.parse(network)) as Row[])
  return { data: JSON.parse(text, inOrder) as unknown, vifs }
}

/** The order of changes means nothing. */
const inOrder = (key: string, value: unknown) =>
  key === 'nova_object.changes' && Array.isArray(value) ? value.toSorted() : value

const stand = await useStand('mariadb', 'postgresql')

describe.skipIf(stand === null).each(['mysql', 'postgresql'] as const)(
  'servers in the databases of a real Nova, on %s',
  (engine) => {
    let cloud: Cloud
    let servers: NovaServers

    beforeAll(async () => {
      if (stand === null) return
      cloud = await createCloud(engine === 'mysql' ? stand.mariadb : stand.postgresql, engine)
      servers = novaServers(cloud)
    })
    afterAll(async () => {
      await servers?.close()
      await cloud?.close()
    })

    it.each(situations.map((situation) => [situation.name, situation] as const))(
      'are found as nova-api finds them: %s',
      async (name, situation) => {
        await fill(cloud, situation)
        const ids = Object.keys(situation.codes) as ServerId[]
        const located = await servers.locate(ids)
        const capture = captures.find((each) => each.name === name)
        for (const id of ids) {
          const found = located.get(id) as Whereabouts
          const sent = sentOf(capture, id)
          if (situation.codes[id] === 404) expect(found.kind).toBe('unknown')
          else if (situation.codes[id] === 422) expect(found.kind).toBe('unassigned')
          else if (situation.codes[id] === 500) expect(['compute-1', NOVA_FAILS[name]]).toContain(hostsIn(found))
          else if (situation.codes[id] === 200) {
            if (found.kind !== 'located') throw new Error(`${id} is ${found.kind}`)
            expect(hostsIn(found).split(' ').sort()).toEqual(sent.hosts)
            const [ours, novas] = [withoutNetwork(found.instance?.data), withoutNetwork(sent.data)]
            expect(ours.data).toEqual(novas.data)
            expect(Object.keys(found.instance?.data ?? {})).toEqual(Object.keys(sent.data ?? {}))
            expect(novas.vifs).toMatchObject(ours.vifs)
          }
        }
        if (NOVA_FAILS[name] !== undefined) expect([...located.values()].map(hostsIn)).toContain(NOVA_FAILS[name])
      },
    )
  },
)
