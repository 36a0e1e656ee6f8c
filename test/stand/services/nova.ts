import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { toRabbitmq } from '../broker.ts'
import { createDatabase } from '../databases.ts'
import { toKeystone } from '../identities.ts'
import type { Program } from '../processes.ts'
import { makeFolder, type Service, type Surroundings, startService } from '../service.ts'
import { wsgi } from '../wsgi.ts'
import type { KeystoneInfo } from './keystone.ts'
import type { DatabaseInfo } from './mariadb.ts'
import type { RabbitmqInfo } from './rabbitmq.ts'
import { createSeeder, type Seeder } from './seeder.ts'

export const PACKAGES = [
  ...['nova-api', 'nova-conductor', 'nova-compute', 'placement-api', 'uwsgi-core', 'uwsgi-plugin-python3'],
  ...['python3-pymysql', 'python3-psycopg2'],
]

export interface CellInfo {
  readonly name: string
  readonly database: string
  readonly transportUrl: string
  readonly hosts: readonly string[]
}

export interface NovaInfo {
  /** What the stand calls it. */
  readonly name: string
  readonly url: string
  readonly region: string
  readonly confFile: string
  readonly apiDatabase: string
  readonly cell0Database: string
  readonly cells: readonly CellInfo[]
  readonly logs: Readonly<Record<string, string>>
}

/** What a Nova stands on. */
export interface NovaNeeds {
  /** For nova_api, cell0, cell1 and Placement. */
  readonly database: DatabaseInfo
  readonly rabbitmq: RabbitmqInfo
  readonly keystone: Promise<KeystoneInfo>
  readonly memcached: string
  /** Where a second cell keeps its servers: no nova-compute runs in it. Null: there is one cell. */
  readonly cell2: DatabaseInfo | null
}

const PYTHON = '/usr/bin/python3'
const HOSTS = ['compute-1', 'compute-2']

interface Databases {
  readonly api: string
  readonly cell0: string
  readonly cell1: string
  readonly cell2: string | null
  readonly placement: string
}

/** A Nova, and the way to put servers into it. */
export interface NovaService extends Service<NovaInfo> {
  readonly seed: Seeder['seed']
}

/** A Nova with Placement, nova-api, a nova-conductor, and two nova-computes whose hypervisor is Nova's fake. */
export async function startNova(stand: Surroundings, name: string, needs: NovaNeeds): Promise<NovaService> {
  const folder = makeFolder(stand.root, name)
  const [port, placementPort] = [await stand.freePort(), await stand.freePort()]
  const databases = await makeDatabases(needs)
  const cells = await makeCells(databases, needs)
  const setup = setUp(stand, { name, folder, databases, cells })
  const [keystone] = await Promise.all([needs.keystone, setup])
  configure(folder, { databases, cells, keystone, memcached: needs.memcached, placementPort })
  const url = `http://127.0.0.1:${port}`
  const region = name === 'nova' ? keystone.region : name
  await toKeystone(keystone).addEndpoint({ service: name, type: 'compute', region, url: `${url}/v2.1` })
  const service = await startPrograms(stand, { folder, name, port, placementPort })
  const logs = Object.fromEntries(['nova-api', 'nova-conductor', ...HOSTS].map((each) => [each, join(folder, `${each}.log`)]))
  const info = {
    name,
    url,
    region,
    confFile: join(folder, 'nova.conf'),
    apiDatabase: databases.api,
    cell0Database: databases.cell0,
    cells,
    logs,
  }
  const seeder = createSeeder(stand.processes, name, info.confFile)
  const remove = async () => {
    await seeder.end()
    await service.remove()
  }
  return { ...service, info, seed: seeder.seed, remove }
}

async function makeDatabases({ database, cell2 }: NovaNeeds): Promise<Databases> {
  const make = async (at: DatabaseInfo, name: string) => (await createDatabase(at, name)).url
  return {
    api: await make(database, 'nova_api'),
    cell0: await make(database, 'nova_cell0'),
    cell1: await make(database, 'nova_cell1'),
    cell2: cell2 === null ? null : await make(cell2, 'nova_cell2'),
    placement: await make(database, 'placement'),
  }
}

async function makeCells(databases: Databases, { rabbitmq }: NovaNeeds): Promise<CellInfo[]> {
  const broker = toRabbitmq(rabbitmq)
  const cell1 = { name: 'cell1', database: databases.cell1, transportUrl: broker.transportUrl(), hosts: HOSTS }
  if (databases.cell2 === null) return [cell1]
  const transportUrl = broker.transportUrl(await broker.createVhost('cell2'))
  return [cell1, { name: 'cell2', database: databases.cell2, transportUrl, hosts: ['compute-3'] }]
}

interface Setup {
  readonly name: string
  readonly folder: string
  readonly databases: Databases
  readonly cells: readonly CellInfo[]
}

/** Makes the tables and the mappings: the long part, which needs no other service. */
async function setUp({ processes }: Surroundings, { name, folder, databases, cells }: Setup): Promise<void> {
  const nova = join(folder, 'setup.conf')
  writeFileSync(nova, `[DEFAULT]\ntransport_url = ${cells[0]?.transportUrl}\n${renderConnections(databases)}`)
  const placement = join(folder, 'placement-setup.conf')
  writeFileSync(placement, `[placement_database]\nconnection = ${databases.placement}\n`)
  const plan = JSON.stringify({ cell0: databases.cell0, cells, running: HOSTS })
  const script = join(import.meta.dirname, '../python/nova_setup.py')
  await Promise.all([
    processes.run({ name: `${name}-setup`, command: PYTHON, args: [script, nova] }, plan),
    processes.run({ name: `${name}-placement`, command: 'placement-manage', args: ['--config-file', placement, 'db', 'sync'] }),
  ])
}

const renderConnections = ({ api, cell1 }: Databases) =>
  `[api_database]\nconnection = ${api}\n[database]\nconnection = ${cell1}\n`

interface Settings {
  readonly databases: Databases
  readonly cells: readonly CellInfo[]
  readonly keystone: KeystoneInfo
  readonly memcached: string
  readonly placementPort: number
}

function configure(folder: string, { databases, cells, keystone, memcached, placementPort }: Settings): void {
  const authtoken = `${toKeystone(keystone).authtoken('nova')}memcached_servers = ${memcached}\n`
  writeFileSync(
    join(folder, 'nova.conf'),
    `[DEFAULT]
debug = true
log_dir = ${folder}
state_path = ${folder}
my_ip = 127.0.0.1
transport_url = ${cells[0]?.transportUrl}
compute_driver = fake.FakeDriver
[api]
auth_strategy = keystone
[conductor]
workers = 1
${renderConnections(databases)}${authtoken}${authtoken.replace('[keystone_authtoken]', '[placement]')}endpoint_override = http://127.0.0.1:${placementPort}
[oslo_concurrency]
lock_path = ${folder}
`,
  )
  writeFileSync(
    join(folder, 'placement.conf'),
    `[DEFAULT]\nlog_dir = ${folder}\nlog_file = placement.log\n[placement_database]\nconnection = ${databases.placement}\n${authtoken}`,
  )
  // The others are heard by their debug log; nova-api is measured without it.
  const isDebug = process.env['NOVACAST_STAND_DEBUG'] ?? 'true'
  writeFileSync(join(folder, 'nova-api.conf'), `[DEFAULT]\nlog_file = nova-api.log\ndebug = ${isDebug}\n`)
  copyFileSync('/etc/nova/api-paste.ini', join(folder, 'api-paste.ini'))
  for (const host of HOSTS) {
    makeFolder(folder, host, 'instances')
    writeFileSync(
      join(folder, `${host}.conf`),
      `[DEFAULT]\nhost = ${host}\nlog_file = ${host}.log\nstate_path = ${join(folder, host)}\n`,
    )
  }
}

interface Programs {
  readonly folder: string
  readonly name: string
  readonly port: number
  readonly placementPort: number
}

/** All that runs, as one service. A nova-compute that starts before its conductor waits ten seconds for it: so it starts after. */
async function startPrograms(stand: Surroundings, { folder, name, port, placementPort }: Programs): Promise<Service<null>> {
  const conf = (each: string) => join(folder, `${each}.conf`)
  const start = (program: Program, isReady: () => Promise<true | null>) =>
    startService(stand, { info: null, folder, program, isReady })
  const answers = (at: number) => async () => {
    const { statusCode, body } = await request(`http://127.0.0.1:${at}/`)
    await body.dump()
    return statusCode < 500 || null
  }
  const nova = (program: string, log: string, ...confs: string[]) =>
    start(
      { name: `${name}-${log}`, command: program, args: ['nova', ...confs].flatMap((each) => ['--config-file', conf(each)]) },
      hasJoined(join(folder, `${log}.log`)),
    )
  const api = { script: '/usr/bin/nova-api-wsgi', confs: [conf('nova'), conf('nova-api')], isForkSafe: false }
  const placement = { script: '/usr/bin/placement-api', confs: [conf('placement')], isForkSafe: true }
  const first = await Promise.all([
    nova('nova-conductor', 'nova-conductor'),
    start(
      wsgi({ name: `${name}-placement`, port: placementPort, ...placement, environment: { OS_PLACEMENT_CONFIG_DIR: folder } }),
      answers(placementPort),
    ),
    start(wsgi({ name: `${name}-api`, port, ...api, environment: { OS_NOVA_CONFIG_DIR: folder } }), answers(port)),
  ])
  const computes = await Promise.all(HOSTS.map((host) => nova('nova-compute', host, host)))
  return together([first, computes])
}

/** Whether a Nova service has told, once more than before, that it listens to its queues (nova/servicegroup/drivers/db.py). */
function hasJoined(log: string): () => Promise<true | null> {
  let seen = 0
  return async () => {
    const count = readFileSync(log, 'utf8').split('Join ServiceGroup membership for this service').length - 1
    if (count <= seen) return null
    seen = count
    return true
  }
}

/** Services as one: those of a row start together, one row after the other. */
function together(rows: readonly (readonly Service<null>[])[]): Service<null> {
  const each = async (how: 'start' | 'stop' | 'kill' | 'remove', order: typeof rows) => {
    for (const row of order) await Promise.all(row.map((service) => service[how]()))
  }
  return {
    info: null,
    start: () => each('start', rows),
    stop: () => each('stop', rows.toReversed()),
    kill: () => each('kill', [rows.flat()]),
    remove: () => each('remove', [rows.flat()]),
  }
}
