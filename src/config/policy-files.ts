import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { PolicyConfig } from './config.ts'
import { OPTIONS } from './options.ts'
import type { Settings } from './settings.ts'

/** Beside which files those of the policy are looked for. */
interface Places {
  /** Absolute, in the order in which they were read. */
  readonly configFiles: readonly string[]
  readonly configDirs: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * `[oslo_policy]`. A path that is not absolute is looked for where oslo.config's find_file looks: the --config-dir folders, the
 * folders of the configuration files (the last one first), ~/.novacast, /etc/novacast. Where it is nowhere it is expected in the
 * first of them, so that a file made later is found there.
 */
export function readPolicy({ read, isSet }: Settings, places: Places): PolicyConfig {
  const dirs = searchDirs(places)
  const find = (name: string): string | null => {
    const candidates = isAbsolute(name) ? [name] : dirs.map((dir) => join(dir, name))
    return candidates.find((path) => existsSync(path)) ?? null
  }
  const expectedAt = (name: string): string => (isAbsolute(name) ? name : join(dirs[0] ?? '/etc/novacast', name))
  const named = read(OPTIONS.policyFile)
  const yaml = named ?? 'policy.yaml'
  // oslo.policy falls back to the old JSON file only where none was named.
  const file = find(yaml) ?? (named === null ? find('policy.json') : null) ?? expectedAt(yaml)
  const isExpected = isSet(OPTIONS.policyFile) || places.configFiles.length > 0 || existsSync(file)
  return {
    file: isExpected ? file : null,
    dirs: read(OPTIONS.policyDirs)
      .filter((dir) => dir !== '')
      .map((dir) => find(dir) ?? expectedAt(dir)),
    defaultRule: read(OPTIONS.policyDefaultRule),
    enforceScope: read(OPTIONS.enforceScope),
  }
}

function searchDirs({ configDirs, configFiles, environment }: Places): readonly string[] {
  const home = environment['HOME']
  return [
    ...configDirs.map((dir) => resolve(dir)),
    ...configFiles.toReversed().map((file) => dirname(file)),
    ...(home === undefined || home === '' ? [] : [join(home, '.novacast')]),
    '/etc/novacast',
  ]
}
