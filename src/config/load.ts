import { join, resolve } from 'node:path'
import type { Config, JournalConfig } from './config.ts'
import { type ConfigPath, readConfigFiles } from './files.ts'
import { readKeystone } from './keystone.ts'
import { isLoopback } from './loopback.ts'
import { readNova } from './nova.ts'
import { OPTIONS } from './options.ts'
import { readParts } from './parts.ts'
import { readPolicy } from './policy-files.ts'
import { createSettings, type Overrides, type Settings } from './settings.ts'

/** Where the configuration comes from. */
export interface Sources extends Overrides {
  /** oslo.config files, and folders of them, in the order in which they were given. */
  readonly configPaths: readonly ConfigPath[]
}

/**
 * The configuration that flags, environment, files and defaults give, in that order. Reads files, and nothing else of the world.
 * Throws a ConfigError that says all that is wrong: where, what was expected, what came. Secrets are never in it.
 */
export function loadConfig(sources: Sources): Config {
  const contents = readConfigFiles(sources.configPaths)
  const settings = createSettings(contents, sources)
  const { read } = settings
  const parts = readParts(settings)
  const dataDir = readDataDir(settings)
  const config: Config = {
    listen: {
      host: read(OPTIONS.host),
      port: read(OPTIONS.port),
      pathPrefix: read(OPTIONS.pathPrefix),
      insecureNoauth: read(OPTIONS.insecureNoauth),
      drainMs: read(OPTIONS.drain),
    },
    dataDir,
    ...parts,
    journal: readJournal(settings, dataDir),
    nova: readNova(settings),
    api: {
      maxMicroversion: read(OPTIONS.maxMicroversion),
      allUnknown: read(OPTIONS.allUnknown) === '207' ? 207 : 404,
      parkUnassignedMs: read(OPTIONS.parkUnassigned),
      maxBodyBytes: read(OPTIONS.maxBodyBytes),
      repeatWindowMs: read(OPTIONS.repeatWindow),
      proxyHeaders: read(OPTIONS.proxyHeaders),
      computeLinkPrefix: read(OPTIONS.computeLinkPrefix),
    },
    keystone: parts.identity === 'keystone' ? readKeystone(settings) : null,
    policy: readPolicy(settings, { ...sources, configFiles: contents.files, configDirs: dirsOf(sources) }),
    stream: {
      ackTimeoutMs: read(OPTIONS.ackTimeout),
      heartbeatMs: read(OPTIONS.heartbeat),
      window: read(OPTIONS.window),
    },
    retentionMs: read(OPTIONS.retention),
    delivery: { ttlSeconds: read(OPTIONS.eventTtl), maxAttempts: read(OPTIONS.maxAttempts) },
    log: { level: read(OPTIONS.logLevel) ?? (read(OPTIONS.debug) ? 'debug' : 'info') },
  }
  refuseOpenNoauth(settings, config)
  refuseSharedRegistry(settings, config)
  settings.finish()
  return config
}

/**
 * Where `[novacast] connection` says that the journal is, for those who only look after its database: what `serve` needs beside it, a
 * nova.conf for one, need not be there. Null where nothing is said. Throws as `loadConfig` does.
 */
export function loadConnection(sources: Sources): JournalConfig | null {
  const settings = createSettings(readConfigFiles(sources.configPaths), sources)
  const journal = readJournal(settings, readDataDir(settings))
  settings.finish()
  return settings.isSet(OPTIONS.connection) ? journal : null
}

function dirsOf({ configPaths }: Sources): readonly string[] {
  return configPaths.filter(({ kind }) => kind === 'folder').map(({ path }) => path)
}

function readDataDir({ read }: Settings): string {
  return resolve(read(OPTIONS.dataDir) || 'novacast-data')
}

/** SQLAlchemy's way: `sqlite:///data/x.db` is relative, `sqlite:////data/x.db` absolute. */
function readJournal({ read, where, object }: Settings, dataDir: string): JournalConfig {
  const embedded: JournalConfig = { kind: 'sqlite', file: join(dataDir, 'novacast.db') }
  const connection = read(OPTIONS.connection)
  if (connection === null) return embedded
  const path = /^sqlite:\/\/\/([^?#\0]+)$/.exec(connection)?.[1]
  if (path !== undefined && path !== ':memory:') return { kind: 'sqlite', file: resolve(path) }
  if (/^(mysql|mariadb|postgres(ql)?)(\+\w+)?:\/\//.test(connection)) return { kind: 'sql', url: connection }
  object(
    `${where(OPTIONS.connection)}: [novacast] connection: expected sqlite:/// and the path of a file, or the URL of a database: ` +
      'mysql+pymysql://user:password@host/database, postgresql://user:password@host/database',
  )
  return embedded
}

/** Noauth believes everybody, so only this machine may ask. */
function refuseOpenNoauth({ where, object }: Settings, { identity, listen }: Config): void {
  if (identity !== 'noauth' || listen.insecureNoauth || isLoopback(listen.host)) return
  object(
    `${where(OPTIONS.host)}: [novacast] host: expected an address of this machine alone, like 127.0.0.1, because identity is ` +
      `noauth and lets anyone do anything, not ${JSON.stringify(listen.host)}; configure Keystone, or set insecure_noauth ` +
      '(--insecure-noauth) where only friends can reach it',
  )
}

/** The registry and the streams to host agents are one process' own: with a journal shared by several they would be split. */
function refuseSharedRegistry({ where, object }: Settings, { journal, servers, cast }: Config): void {
  if (journal.kind === 'sqlite' || (servers === 'nova' && cast === 'rabbitmq')) return
  object(
    `${where(OPTIONS.connection)}: a journal in a database goes with servers = nova and cast = rabbitmq alone; leave ` +
      '[novacast] connection out, or give sqlite:/// and the path of a file',
  )
}
