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

/**
 * Reads the files, then the `*.conf` of the folders in the order of their names, as oslo.config does. Every file that cannot be
 * read or understood is a problem of its own; they come together in one ConfigError.
 */
export function readConfigFiles(configFiles: readonly string[], configDirs: readonly string[]): FileContents {
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
  const files = [
    ...configFiles.map((file) => resolve(file)),
    ...configDirs.flatMap((dir) => collect(() => listConfigDir(resolve(dir)), [])),
  ]
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
