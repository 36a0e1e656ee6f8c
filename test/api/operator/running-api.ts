import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOperatorApi, type OperatorParts } from '../../../src/api/operator/operator-api.ts'
import { createStreamCaster } from '../../../src/cast/stream/create-stream-caster.ts'
import type { StreamCaster } from '../../../src/cast/stream/stream-caster.ts'
import type { Config } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { createNoauth } from '../../../src/identity/noauth/noauth.ts'
import { NO_SEARCHES } from '../../../src/journal/journal.ts'
import { openSqliteJournal, type SqliteStore } from '../../../src/journal/sqlite/store.ts'
import { createHappenings } from '../../../src/observe/happenings.ts'
import { createLog } from '../../../src/observe/log.ts'
import { createMetrics } from '../../../src/observe/prometheus.ts'
import { openPolicy } from '../../../src/policy/open-policy.ts'
import { createReplayer } from '../../../src/replay/replayer.ts'
import { type Client, createClient, staticToken } from '../../../src/sdk/index.ts'
import { createRegistry, type Registry } from '../../../src/servers/registry/registry.ts'

const silent = createLog({ level: 'silent' })

/** The operator's API over real parts, on a port of its own. */
export interface RunningApi extends OperatorParts, Served {
  readonly journal: SqliteStore
  readonly registry: Registry
  readonly stream: StreamCaster
  readonly config: Config
}

/** An API that can be asked. */
export interface Served {
  readonly url: string
  /** novacast's own client, as an administrator. */
  readonly client: Client
  /** Asks as an administrator, unless the headers say otherwise. */
  readonly ask: (method: string, path: string, options?: AskOptions) => Promise<Answer>
  readonly close: () => Promise<void>
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Text as it is, or anything else as JSON. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, where it is JSON. */
  readonly body: unknown
}

/** Starts it over a new journal and registry, to be closed after the tests: `beforeAll(async () => (api = await startApi()).close)`. */
export async function startApi(): Promise<RunningApi> {
  const dataDir = mkdtempSync(join(tmpdir(), 'novacast-api-'))
  const config = loadConfig({ configPaths: [], environment: {}, flags: { data_dir: dataDir } })
  const journal = await openSqliteJournal({ file: join(dataDir, 'novacast.db'), log: silent })
  const policy = openPolicy({ config: config.policy, log: silent })
  const observed = { metrics: createMetrics(), happenings: createHappenings(), log: silent }
  const stream = createStreamCaster({ ...observed, config: config.stream, journal })
  const registry = createRegistry(journal.servers)
  const parts = {
    ...observed,
    config,
    identity: createNoauth(),
    policy,
    registry,
    journal,
    stream,
    // Nothing is delivered here: what is accepted waits.
    replayer: createReplayer({
      ...observed,
      journal,
      servers: registry,
      deliveries: { accepted: () => {}, searches: () => NO_SEARCHES },
    }),
    isReady: () => ({ kind: 'ready' }) as const,
  }
  const served = await serve(parts)
  const close = async () => {
    await served.close()
    await stream.close()
    policy.close()
    await journal.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { ...parts, ...served, close }
}

/** Serves these parts. */
export async function serve(parts: OperatorParts): Promise<Served> {
  const api = await createOperatorApi(parts)
  const server = createServer((request, response) => api.handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createClient({ url, auth: staticToken('admin:admin') })
  const close = async () => {
    await client.close()
    await api.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url, client, close, ask: (method, path, options) => ask(url, method, path, options) }
}

async function ask(url: string, method: string, path: string, { headers = {}, body }: AskOptions = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-auth-token': 'admin:admin', ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: parseJson(text) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
