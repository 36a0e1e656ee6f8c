import type { FileContents } from './files.ts'
import type { Option } from './options.ts'
import type { Overrides } from './settings.ts'
import { BadReference, type Lookup, substitute } from './substitute.ts'

/**
 * The variable that says an option to every service of OpenStack, before its files: `OS_DEFAULT__TRANSPORT_URL`
 * (oslo_config/sources/_environment.py).
 */
export function osloVariable(section: string, name: string): string {
  return `OS_${section.toUpperCase()}__${name.toUpperCase()}`
}

/** Something said about an option, and where. */
export interface Said {
  readonly text: string
  readonly where: string
  /** References are replaced in it; what is said to novacast by a flag or variable is taken as it is. */
  readonly hasReferences: boolean
}

/**
 * What references lead to. Options of the table by what is said about them under any of their names, else their default; others by
 * what the environment and the files say: Nova has many that its files refer to.
 */
export function createLookup(
  { assignments, environment }: Pick<FileContents, 'assignments'> & Pick<Overrides, 'environment'>,
  options: readonly Option<unknown>[],
  lastSaid: (option: Option<unknown>) => Said | undefined,
): Lookup {
  const key = (section: string, name: string) => `${section}\0${name}`
  const known = new Map(options.map((option) => [key(option.section, option.name), option]))
  const inFiles = new Map(assignments.map(({ section, key: name, text }) => [key(section, name), text]))
  const textOfOther = (section: string, name: string) =>
    environment[osloVariable(section, name)] ?? inFiles.get(key(section, name))
  const open = new Set<string>()
  const lookup: Lookup = (section, name) => {
    const id = key(section, name)
    const option = known.get(id)
    const other = option === undefined ? textOfOther(section, name) : undefined
    if (option === undefined && other === undefined) return undefined
    if (open.has(id)) throw new BadReference(`expected a value; [${section}] ${name} refers to itself`)
    open.add(id)
    try {
      return option === undefined ? substitute(other ?? '', section, lookup) : textOf(option, lastSaid(option), lookup)
    } finally {
      open.delete(id)
    }
  }
  return lookup
}

function textOf(option: Option<unknown>, said: Said | undefined, lookup: Lookup): string {
  if (said === undefined) return print(option.value)
  const text = said.hasReferences ? substitute(said.text, option.section, lookup) : said.text
  const value = option.type.parse(text)
  if (value === undefined) throw new BadReference(`expected a value; that of [${option.section}] ${option.name} is not good`)
  return typeof value === 'boolean' ? print(value) : text
}

/** As Python prints it. */
function print(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? '' : String(value)
}
