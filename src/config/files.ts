import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from './config-error.ts'
import { type Assignment, parseOsloFile } from './oslo-file.ts'

/** What the files say, in the order in which they were read: what comes later wins. */
export interface FileContents {
  /** Absolute paths, those of the folders included. */
  readonly files: readonly string[]
  readonly assignments: readonly Assignment[]
}

/** What `--config-file` or `--config-dir` names. */
export interface ConfigPath {
  readonly kind: 'file' | 'folder'
  readonly path: string
}

/**
 * Reads files, and of folders the `*.conf` in the order of their names, in the order in which they are given: as oslo.config does
 * (cfg.py _ConfigFileOpt, _ConfigDirOpt). Every file that cannot be read or understood is a problem of its own; they come together in
 * one ConfigError.
 */
export function readConfigFiles(paths: readonly ConfigPath[]): FileContents {
  const problems: string[] = []
  const collect = <T>(look: () => T, otherwise: T): T => {
    try {
      return look()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(...error.problems)
      return otherwise
    }
  }
  const files = paths.flatMap(({ kind, path }) => {
    const absolute = resolve(path)
    return kind === 'file' ? [absolute] : collect(() => listConfigDir(absolute), [])
  })
  const assignments = files.flatMap((file) => collect(() => parseOsloFile(file, readText(file)), []))
  if (problems.length > 0) throw new ConfigError(problems)
  return { files, assignments }
}

/** As glob('*.conf') has it: no hidden files. */
function listConfigDir(dir: string): readonly string[] {
  try {
    const names = readdirSync(dir).filter((name) => name.endsWith('.conf') && !name.startsWith('.'))
    return names.sort().map((name) => join(dir, name))
  } catch (error) {
    throw new ConfigError([`${dir}: expected a folder of *.conf files: ${reason(error)}`], { cause: error })
  }
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    throw new ConfigError([`${file}: expected a configuration file: ${reason(error)}`], { cause: error })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8',
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return REASONS[code ?? ''] ?? message
}
