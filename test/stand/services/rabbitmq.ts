import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, type Service, type Surroundings, startService } from '../service.ts'
import { isListening } from '../wait.ts'

export const PACKAGES = ['rabbitmq-server']

export interface RabbitmqInfo {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** With which `rabbitmqctl` finds it. */
  readonly environment: Readonly<Record<string, string>>
}

const USER = 'stand'

/** Brokers; their Erlang nodes find each other's names in an epmd of this stand, not in the machine's. */
export function createRabbitmqs(stand: Surroundings) {
  let epmd: Promise<number> | null = null
  return async (name: string): Promise<Service<RabbitmqInfo>> => {
    epmd ??= startEpmd(stand)
    const folder = makeFolder(stand.root, name)
    const [port, distribution] = [await stand.freePort(), await stand.freePort()]
    const environment = configure(folder, { name, port, distribution, epmd: await epmd })
    return startService(stand, {
      info: { host: '127.0.0.1', port, user: USER, password: USER, environment },
      folder,
      program: { name, command: '/usr/lib/rabbitmq/bin/rabbitmq-server', args: [], environment },
      // The port opens when the broker has read what it keeps and made its user.
      isReady: async () => (await isListening(port)) || null,
    })
  }
}

async function startEpmd(stand: Surroundings): Promise<number> {
  const port = await stand.freePort()
  await startService(stand, {
    info: null,
    folder: makeFolder(stand.root, 'epmd'),
    program: { name: 'epmd', command: 'epmd', args: ['-port', String(port), '-address', '127.0.0.1'] },
    isReady: async () => (await isListening(port)) || null,
  })
  return port
}

interface Settings {
  readonly name: string
  readonly port: number
  readonly distribution: number
  readonly epmd: number
}

function configure(folder: string, { name, port, distribution, epmd }: Settings): Record<string, string> {
  const conf = join(folder, 'rabbitmq.conf')
  writeFileSync(
    conf,
    `listeners.tcp.1 = 127.0.0.1:${port}
default_user = ${USER}
default_pass = ${USER}
default_user_tags.administrator = true
log.console = true
log.console.level = warning
`,
  )
  writeFileSync(join(folder, 'plugins'), '[].')
  return {
    HOME: folder,
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `${name}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: conf,
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
  }
}
