import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Config, JournalConfig } from '../config/config.ts'
import type { ConfigPath } from '../config/files.ts'
import type { Sources } from '../config/load.ts'
import type { Terminal } from './terminal.ts'

/** A `--config-file` or `--config-dir`. */
interface GivenPath extends ConfigPath {
  /** Its place among all of them, for commander keeps those of each flag apart. */
  readonly at: number
}

/** Where the configuration comes from, as flags say. */
export interface ConfigOptions {
  readonly configFile: readonly GivenPath[]
  readonly configDir: readonly GivenPath[]
  readonly host?: string
  readonly port?: string
  readonly dataDir?: string
  readonly insecureNoauth?: true
  readonly logLevel?: string
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** Gives a command the options of those that run or look at the service. */
export function withConfig(command: Command): Command {
  let count = 0
  const collect = (kind: ConfigPath['kind']) => (path: string, before: readonly GivenPath[]) => {
    if (path === '') throw new InvalidArgumentError('Expected a path.')
    return [...before, { kind, path, at: count++ }]
  }
  return command
    .addOption(
      new Option('--config-file <file>', 'an oslo.config file, nova.conf for one; may be repeated')
        .argParser(collect('file'))
        .default([], 'none'),
    )
    .addOption(
      new Option('--config-dir <dir>', 'a folder of *.conf files; of it and the files what is given last counts; may be repeated')
        .argParser(collect('folder'))
        .default([], 'none'),
    )
    .option('--host <address>', 'the address to listen on')
    .option('--port <port>', 'the port to listen on; 0 for any that is free')
    .option('--data-dir <dir>', 'where the journal is kept')
    .option('--insecure-noauth', 'let noauth listen beyond this machine: whoever reaches it may do anything')
    .addOption(new Option('--log-level <level>', 'how much to log, as JSON on standard error').choices(LEVELS))
}

/** Variables that are for clients and for agents' commands: no options of the service. */
const NOT_OPTIONS = /^NOVACAST_(URL|TOKEN|EVENT_.*)$/

/**
 * Variables in which Kubernetes tells every pod of a namespace of a Service named `novacast` or `novacast-…` (pkg/kubelet/envvars): its
 * `NOVACAST_PORT=tcp://10.96.0.7:8774` is no port to listen on.
 */
const OF_SERVICE = /^NOVACAST_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const LINK_OF_SERVICE = /^NOVACAST_(.+_)?PORT=(tcp|udp|sctp):\/\//

function mayBeOption(name: string, value: string | undefined): boolean {
  return !NOT_OPTIONS.test(name) && !OF_SERVICE.test(name) && !LINK_OF_SERVICE.test(`${name}=${value}`)
}

/** The configuration that flags, environment and files give, in that order. Rejects with what is wrong where. */
export async function readConfig(terminal: Pick<Terminal, 'environment'>, options: Partial<ConfigOptions>): Promise<Config> {
  const { loadConfig } = await import('../config/load.ts')
  return loadConfig(sourcesOf(terminal, options))
}

/** Of the same, what it says of the journal alone; null where it says nothing. Rejects likewise. */
export async function readConnection(
  terminal: Pick<Terminal, 'environment'>,
  options: Partial<ConfigOptions>,
): Promise<JournalConfig | null> {
  const { loadConnection } = await import('../config/load.ts')
  return loadConnection(sourcesOf(terminal, options))
}

function sourcesOf({ environment }: Pick<Terminal, 'environment'>, options: Partial<ConfigOptions>): Sources {
  const flags = {
    host: options.host,
    port: options.port,
    data_dir: options.dataDir,
    insecure_noauth: options.insecureNoauth === undefined ? undefined : 'true',
    log_level: options.logLevel,
  }
  return {
    configPaths: [...(options.configFile ?? []), ...(options.configDir ?? [])].sort((a, b) => a.at - b.at),
    environment: Object.fromEntries(Object.entries(environment).filter(([name, value]) => mayBeOption(name, value))),
    flags: Object.fromEntries(Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  }
}
