import { ConfigError } from './config-error.ts'
import type { FileContents } from './files.ts'
import { createLookup, osloVariable, type Said } from './lookup.ts'
import { ALL_OPTIONS, type Option } from './options.ts'
import type { Assignment } from './oslo-file.ts'
import { BadReference, type Lookup, substitute } from './substitute.ts'

/** Where options are read from; what is wrong is gathered, so that all of it can be said at once. */
export interface Settings {
  /** The option's value, or its default where nothing is said or what is said is wrong. `section` reads it from another section. */
  read<T>(option: Option<T>, section?: string): T
  /** Whether anything is said, other than nothing. */
  isSet(option: Option<unknown>, section?: string): boolean
  /** Where it is said, for a message: a file and line, a variable, a flag; else the option's name. */
  where(option: Option<unknown>, section?: string): string
  /** Something else that is wrong. */
  object(problem: string): void
  /** Throws a ConfigError when anything was wrong. */
  finish(): void
}

/** Values beside those of files. Names are those of `[novacast]` options. */
export interface Overrides {
  /** Variables of the environment: those that begin with `NOVACAST_`, and of Nova's options those that oslo.config would read. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly flags: Readonly<Record<string, string>>
}

const PREFIX = 'NOVACAST_'

/** Flags come first, then `NOVACAST_…`, or oslo.config's variables, then files: the last of them that says something about an option. */
export function createSettings(contents: FileContents, overrides: Overrides, options = ALL_OPTIONS): Settings {
  const problems = unknownOptions(contents.assignments, overrides)
  const said = (option: Option<unknown>, section = option.section): readonly Said[] => {
    const override = section === 'novacast' ? overrideOf(option.name, overrides) : inEnvironment(option.name, section, overrides)
    return override === null ? inFiles(contents, option, section) : [override]
  }
  const lookup = createLookup({ ...contents, ...overrides }, options, (option) => said(option).at(-1))
  const read = <T>(option: Option<T>, section = option.section): T => {
    const all = said(option, section)
    const last = all.at(-1)
    if (last === undefined) return option.value
    if (option.type.isMulti) return all.flatMap((each) => parse(option, section, each) ?? []) as T
    return parse(option, section, last) ?? option.value
  }
  const parse = <T>(option: Option<T>, section: string, { text, where, hasReferences }: Said): T | undefined => {
    const name = `[${section}] ${option.name}`
    const full = hasReferences ? expand(text, section, lookup) : text
    if (full instanceof BadReference) {
      problems.add(`${where}: ${name}: ${option.isSecret ? BAD_SECRET : full.message}`)
      return undefined
    }
    const value = option.type.parse(full)
    if (value === undefined) problems.add(`${where}: ${name}: expected ${option.type.expected}, not ${show(option, text)}`)
    return value
  }
  return {
    read,
    isSet: (option, section) => (said(option, section).at(-1)?.text ?? '') !== '',
    where: (option, section) => said(option, section).at(-1)?.where ?? `[${section ?? option.section}] ${option.name}`,
    object: (problem) => void problems.add(problem),
    finish: () => {
      if (problems.size > 0) throw new ConfigError([...problems])
    },
  }
}

function expand(text: string, section: string, lookup: Lookup): string | BadReference {
  try {
    return substitute(text, section, lookup)
  } catch (error) {
    if (error instanceof BadReference) return error
    throw error
  }
}

function overrideOf(name: string, { environment, flags }: Overrides): Said | null {
  const flag = flags[name]
  if (flag !== undefined) return { text: flag, where: `--${name.replaceAll('_', '-')}`, hasReferences: false }
  const variable = `${PREFIX}${name.toUpperCase()}`
  const text = environment[variable]
  return text === undefined ? null : { text, where: variable, hasReferences: false }
}

/** As oslo.config has it: under the option's own name alone. */
function inEnvironment(name: string, section: string, { environment }: Overrides): Said | null {
  const variable = osloVariable(section, name)
  const text = environment[variable]
  return text === undefined ? null : { text, where: variable, hasReferences: true }
}

/**
 * What files say, as oslo.config weighs it: the last file that has the option under any of its names counts, and in it the option's
 * own name before the others. Of an option that may be repeated everything counts.
 */
function inFiles({ files, assignments }: FileContents, option: Option<unknown>, section: string): readonly Said[] {
  const names = [
    { section, name: option.name },
    ...option.otherNames.map((other) => (other.section === option.section ? { ...other, section } : other)),
  ]
  const bySection = new Set(names.map((each) => each.section))
  const candidates = assignments.filter((each) => bySection.has(each.section))
  const found: Assignment[] = []
  for (const file of files.toReversed()) {
    for (const { section, name } of names) {
      const here = candidates.filter((each) => each.file === file && each.section === section && each.key === name)
      if (here.length === 0) continue
      found.unshift(...here)
      if (!option.type.isMulti) return found.map(toSaid)
    }
  }
  return found.map(toSaid)
}

const toSaid = ({ file, line, text }: Assignment): Said => ({ text, where: `${file}:${line}`, hasReferences: true })

/** A reference says what stands behind the dollar sign, which may well be half of a password. */
const BAD_SECRET = 'expected $$ for a dollar sign, or an option that is set behind it'

/** A value for a message, as it is written; never a secret, never credentials in a URL, and never more than a line of it. */
function show(option: Option<unknown>, text: string): string {
  if (option.isSecret) return 'what is there (it is not shown)'
  const shown = text.replace(/\/\/[^/]*@/g, '//***@')
  return JSON.stringify(shown.length > 100 ? `${shown.slice(0, 100)}…` : shown)
}

/** In `[novacast]`, flags and the environment a name that no option has is a mistake; other sections are full of options of others. */
function unknownOptions(assignments: readonly Assignment[], { environment, flags }: Overrides): Set<string> {
  const known = ALL_OPTIONS.filter((option) => option.section === 'novacast').map((option) => option.name)
  const advice = (name: string) => {
    const near = known.find((each) => each === name.replaceAll('-', '_').toLowerCase()) ?? nearest(name, known)
    return near === undefined ? 'novacast config prints all that there are' : `perhaps ${near}`
  }
  const problems = new Set<string>()
  for (const { file, line, section, key } of assignments) {
    if (section !== 'novacast' || known.includes(key)) continue
    problems.add(`${file}:${line}: [novacast] ${key}: expected an option of novacast (${advice(key)})`)
  }
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(PREFIX) || environment[variable] === undefined) continue
    const name = variable.slice(PREFIX.length).toLowerCase()
    if (!known.includes(name) || variable !== variable.toUpperCase())
      problems.add(`${variable}: expected NOVACAST_ and an option of novacast in capitals (${advice(name)})`)
  }
  for (const name of Object.keys(flags)) if (!known.includes(name)) problems.add(`--${name}: expected an option of novacast`)
  return problems
}

/** The option that differs by the fewest letters, where that is a slip of the pen. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const distances = known.map((each) => ({ each, distance: editDistance(name.slice(0, 60), each) }))
  const best = distances.reduce((a, b) => (b.distance < a.distance ? b : a))
  return best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.each : undefined
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
