import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createComputeApi } from '../../src/api/compute/compute-api.ts'
import { createFront, type FrontLimits } from '../../src/api/front.ts'
import { createOperatorApi } from '../../src/api/operator/operator-api.ts'
import { createStreamCaster } from '../../src/cast/stream/create-stream-caster.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createDeliveries } from '../../src/delivery/deliveries.ts'
import type { HostName, ServerId } from '../../src/events/event.ts'
import { createKeystone } from '../../src/identity/keystone/keystone.ts'
import { createNoauth } from '../../src/identity/noauth/noauth.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { openPolicy } from '../../src/policy/open-policy.ts'
import { createReplayer } from '../../src/replay/replayer.ts'
import { createRegistry } from '../../src/servers/registry/registry.ts'

/** A novacast of real parts in this process: registry, SQLite journal in a folder of its own, host streams, both APIs, one port. */
export interface RunningNovacast {
  readonly url: string
  readonly port: number
  readonly journal: Journal
  /** Registers a server; null: on no host. */
  put(uuid: string, host: string | null, movingTo?: string | null): Promise<void>
  close(): Promise<void>
}

/** What differs from the defaults. */
export interface NovacastOptions {
  /** The text of a configuration file. */
  readonly conf?: string
  /** The text of a policy file. */
  readonly policy?: string
  readonly limits?: Partial<FrontLimits>
  /** Stands before the journal, where a test must see or break what passes. */
  readonly around?: (journal: Journal) => Journal
}

const log = createLog({ level: 'silent' })

/** Starts one, to be closed after the tests. */
export async function startNovacast(options: NovacastOptions = {}): Promise<RunningNovacast> {
  const folder = mkdtempSync(join(tmpdir(), 'novacast-http-'))
  const config = configIn(folder, options)
  const store = await openSqliteJournal({ file: join(folder, 'novacast.db'), log, repeatWindowMs: config.api.repeatWindowMs })
  const journal = options.around?.(store) ?? store
  const registry = createRegistry(store.servers)
  const policy = openPolicy({ config: config.policy, log })
  const identity = config.keystone === null ? createNoauth() : createKeystone({ config: config.keystone, log })
  const observed = { metrics: createMetrics(), happenings: createHappenings(), log }
  const stream = createStreamCaster({ ...observed, config: config.stream, journal })
  const deliveries = createDeliveries({
    ...observed,
    journal,
    caster: stream,
    servers: registry,
    config: { ...config.stream, parkMs: config.api.parkUnassignedMs },
  })
  const shared = { ...observed, identity, policy, journal, servers: registry, deliveries }
  const compute = createComputeApi({ ...shared, config: { ...config.api, pathPrefix: config.listen.pathPrefix } })
  const replayer = createReplayer(shared)
  const operator = await createOperatorApi({ ...shared, config, stream, replayer, registry, isReady: () => ({ kind: 'ready' }) })
  const front = createFront({ compute, operator, config, log, limits: options.limits ?? {} })
  const { url } = await front.listen({ kind: 'address', host: '127.0.0.1', port: 0 })
  await deliveries.start()
  return {
    url,
    port: Number(new URL(url).port),
    journal,
    put: async (uuid, host, movingTo = null) => {
      const place = { host: host as HostName | null, movingTo: movingTo as HostName | null }
      await registry.put({ uuid: uuid as ServerId, ...place, projectId: null, name: null })
    },
    close: async () => {
      await front.close(1000)
      await deliveries.close()
      await stream.close()
      policy.close()
      await identity.close()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configIn(folder: string, { conf = '', policy }: NovacastOptions): Config {
  const file = join(folder, 'novacast.conf')
  const policyFile = join(folder, 'policy.yaml')
  if (policy !== undefined) writeFileSync(policyFile, policy)
  writeFileSync(file, policy === undefined ? conf : `${conf}\n[oslo_policy]\npolicy_file = ${policyFile}\n`)
  return loadConfig({ configPaths: [{ kind: 'file', path: file }], environment: {}, flags: { data_dir: folder } })
}
