import type { Option } from './options.ts'
import type { Assignment } from './oslo-file.ts'
import { BadReference, type Lookup, substitute } from './substitute.ts'

/** Something said about an option, and where. */
export interface Said {
  readonly text: string
  readonly where: string
  /** References are replaced in it; what comes from a shell is taken as it is. */
  readonly isFromFile: boolean
}

/**
 * What references lead to. Options of the table by what is said about them under any of their names, else their default; others by
 * what the files say: Nova has many that its files refer to.
 */
export function createLookup(
  assignments: readonly Assignment[],
  options: readonly Option<unknown>[],
  lastSaid: (option: Option<unknown>) => Said | undefined,
): Lookup {
  const key = (section: string, name: string) => `${section}\0${name}`
  const known = new Map(options.map((option) => [key(option.section, option.name), option]))
  const others = new Map(assignments.map(({ section, key: name, text }) => [key(section, name), text]))
  const open = new Set<string>()
  const lookup: Lookup = (section, name) => {
    const id = key(section, name)
    const option = known.get(id)
    if (option === undefined && !others.has(id)) return undefined
    if (open.has(id)) throw new BadReference(`expected a value; [${section}] ${name} refers to itself`)
    open.add(id)
    try {
      return option === undefined ? substitute(others.get(id) ?? '', section, lookup) : textOf(option, lastSaid(option), lookup)
    } finally {
      open.delete(id)
    }
  }
  return lookup
}

function textOf(option: Option<unknown>, said: Said | undefined, lookup: Lookup): string {
  if (said === undefined) return print(option.value)
  const text = said.isFromFile ? substitute(said.text, option.section, lookup) : said.text
  const value = option.type.parse(text)
  if (value === undefined) throw new BadReference(`expected a value; that of [${option.section}] ${option.name} is not good`)
  return typeof value === 'boolean' ? print(value) : text
}

/** As Python prints it. */
function print(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? '' : String(value)
}
