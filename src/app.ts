import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { createComputeApi } from './api/compute/compute-api.ts'
import type { Apis } from './api/front.ts'
import type { Readiness } from './api/operator/health.ts'
import { createOperatorApi } from './api/operator/operator-api.ts'
import type { Caster } from './cast/cast.ts'
import { createStreamCaster } from './cast/stream/create-stream-caster.ts'
import type { Config } from './config/config.ts'
import { createDeliveries } from './delivery/deliveries.ts'
import type { Identity } from './identity/identity.ts'
import { createNoauth } from './identity/noauth/noauth.ts'
import type { Journal } from './journal/journal.ts'
import { createRetention } from './journal/retention.ts'
import { openSqliteJournal } from './journal/sqlite/store.ts'
import { createHappenings, type Happenings } from './observe/happenings.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import { createMetrics } from './observe/prometheus.ts'
import { openPolicy } from './policy/open-policy.ts'
import { createReplayer } from './replay/replayer.ts'
import type { NovaServers } from './servers/nova/nova-servers.ts'
import { refuseUnlocated } from './servers/refuse-unlocated.ts'
import { createRegistry, type Registry } from './servers/registry/registry.ts'
import type { Servers } from './servers/servers.ts'

/** A novacast that is put together, behind no port yet. */
export interface App extends Apis {
  /** Begins to deliver. */
  start(): Promise<void>
  /** Lets deliveries under way come to an end, and flushes. Nothing may be asked of it any more. */
  close(): Promise<void>
}

/** What an app has to do with those before and after it. */
export interface Surroundings {
  /** Whether requests had better be sent elsewhere. */
  isLeaving(): boolean
  /** Resolves when the file of the journal may be opened: it has one user at a time. */
  journalIsFree(): Promise<void>
}

interface Observed {
  readonly metrics: Metrics
  readonly happenings: Happenings
  readonly log: Log
}

/** Makes every part and hands it what it needs, in the order of a request. Rejects with what is wrong where a part cannot be made. */
export async function assemble(config: Config, log: Log, surroundings: Surroundings): Promise<App> {
  const made = new AsyncDisposableStack()
  try {
    return await assembleInto(made, { config, log, surroundings })
  } catch (error) {
    await made.disposeAsync()
    throw error
  }
}

interface Given {
  readonly config: Config
  readonly log: Log
  readonly surroundings: Surroundings
}

async function assembleInto(made: AsyncDisposableStack, { config, log, surroundings }: Given): Promise<App> {
  const metrics = createMetrics()
  const happenings = createHappenings()
  const observed = { metrics, happenings, log }
  const policy = made.adopt(openPolicy({ config: config.policy, log }), (policy) => policy.close())
  const identity = made.adopt(await createIdentity(config, log), (identity) => identity.close())
  if (config.journal.kind === 'sqlite') await surroundings.journalIsFree()
  const { journal, registry } = await openJournal(made, config, log)
  const nova = await openNova(made, config, log)
  const servers = serversOf(registry, nova)
  const stream = config.cast === 'stream' ? createStreamCaster({ ...observed, config: config.stream, journal }) : null
  const caster = made.adopt(stream ?? (await createRabbit(config, nova, observed)), (caster) => caster.close())
  const deliveries = made.adopt(
    createDeliveries({
      ...observed,
      journal,
      caster,
      servers,
      config: { ...config.stream, ...config.delivery, parkMs: config.api.parkUnassignedMs },
    }),
    (each) => each.close(),
  )
  const shared = { ...observed, identity, policy, journal, servers, deliveries }
  const accepting = config.nova.deferUnlocated ? servers : refuseUnlocated(servers)
  const replayer = createReplayer({ ...shared, servers: accepting })
  const compute = createComputeApi({
    ...shared,
    servers: accepting,
    config: { ...config.api, pathPrefix: config.listen.pathPrefix },
  })
  const isReady = () => (surroundings.isLeaving() ? LEAVING : askReadiness(journal))
  const operator = await createOperatorApi({ ...shared, config, stream, replayer, registry, isReady })
  const retention = made.adopt(createRetention({ ...observed, journal, retentionMs: config.retentionMs }), (each) => each.close())
  const start = async () => {
    await deliveries.start()
    retention.start()
  }
  return { compute, operator, start, close: () => made.disposeAsync() }
}

const LEAVING: Readiness = { kind: 'not-ready', reason: 'this novacast is being stopped' }

// What only some need is loaded by those alone: the embedded default starts faster and stays smaller.

async function createIdentity(config: Config, log: Log): Promise<Identity> {
  if (config.keystone === null) return createNoauth()
  const { createKeystone } = await import('./identity/keystone/keystone.ts')
  return createKeystone({ config: config.keystone, log })
}

/** The journal, and with a file of our own the registry of servers in it. */
async function openJournal(
  made: AsyncDisposableStack,
  { journal: config, api: { repeatWindowMs } }: Config,
  log: Log,
): Promise<{ readonly journal: Journal; readonly registry: Registry | null }> {
  if (config.kind === 'sql') {
    // A name of this process' own: what a process of the same name left behind is taken over, never mistaken for ours.
    const { openSqlJournal } = await import('./journal/sql/sql-journal.ts')
    const replica = { id: `${hostname()}:${process.pid}:${randomUUID()}` }
    const journal = await openSqlJournal({ url: config.url, replica, log, repeatWindowMs })
    made.defer(() => journal.close())
    return { journal, registry: null }
  }
  const store = await openSqliteJournal({ file: config.file, log, repeatWindowMs })
  made.defer(() => store.close())
  return { journal: store, registry: createRegistry(store.servers) }
}

async function openNova(made: AsyncDisposableStack, { servers, nova }: Config, log: Log): Promise<NovaServers | null> {
  if (servers !== 'nova' || nova.apiDatabase === null) return null
  const { createNovaServers } = await import('./servers/nova/nova-servers.ts')
  const found = createNovaServers({
    ...nova,
    apiDatabase: nova.apiDatabase,
    log,
    maxConnectionsPerDatabase: nova.maxConnections,
  })
  made.defer(() => found.close())
  return found
}

function serversOf(registry: Registry | null, nova: NovaServers | null): Servers {
  const servers = nova ?? registry
  if (servers === null) throw new TypeError('a journal in a database goes with servers = nova')
  return servers
}

async function createRabbit({ nova }: Config, cells: NovaServers | null, observed: Observed): Promise<Caster> {
  if (cells === null) throw new TypeError('cast = rabbitmq goes with servers = nova')
  const { createRabbitCaster } = await import('./cast/rabbitmq/rabbit-caster.ts')
  const { rabbit, controlExchange } = nova
  return createRabbitCaster({ ...observed, cells, rabbit, controlExchange })
}

/** Ready is who can accept: the journal can be written and read. */
async function askReadiness(journal: Journal): Promise<Readiness> {
  try {
    await journal.ready()
    return { kind: 'ready' }
  } catch (error) {
    return { kind: 'not-ready', reason: `the journal cannot be used: ${error instanceof Error ? error.message : String(error)}` }
  }
}
