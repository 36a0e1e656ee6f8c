import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PolicyConfig } from '../config/config.ts'
import { PolicyError } from './policy-error.ts'
import { parseRuleFile, type WrittenRule } from './rule-file.ts'

/** What the policy files say now. */
export interface WrittenRules {
  /** The files that were read, in order. */
  readonly files: readonly string[]
  readonly rules: readonly WrittenRule[]
}

/** Reads the policy file and those of the folders. What does not exist has no rules. Throws one PolicyError for all files. */
export function readRules(config: PolicyConfig): WrittenRules {
  const files: string[] = []
  const rules: WrittenRule[] = []
  const problems: string[] = []
  for (const file of listRuleFiles(config)) {
    try {
      const content = readIfThere(file)
      if (content === null) continue
      files.push(file)
      rules.push(...parseRuleFile(file, content))
    } catch (error) {
      if (error instanceof PolicyError) problems.push(...error.problems)
      else problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (problems.length > 0) throw new PolicyError(problems)
  return { files, rules }
}

/** Every file that could have rules, in the order in which they count: of a folder all but hidden ones, by name. */
export function listRuleFiles({ file, dirs }: PolicyConfig): readonly string[] {
  return [...(file === null ? [] : [file]), ...dirs.flatMap(listDir)]
}

function listDir(dir: string): readonly string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true })
    const names = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name)
    return names.sort().map((name) => join(dir, name))
  } catch (error) {
    if (isAbsence(error)) return []
    throw error
  }
}

function readIfThere(file: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
