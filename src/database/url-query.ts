/** The options of a database's URL. Each is there once or not at all; one without a value is not there, as Python has it. */
export interface Query {
  text(name: string): string | null
  flag(name: string): boolean | null
  /** Names that nobody asked for so far. */
  unread(): readonly string[]
  /** What is wrong with the options that were asked for; null where nothing is. */
  problem(): string | null
}

const TRUE = ['true', 'yes', 'on', 'y', 't', '1']
const FALSE = ['false', 'no', 'off', 'n', 'f', '0']

/** Takes `name=value&…` apart. Source: urllib.parse.parse_qsl, and asbool of sqlalchemy/util/langhelpers.py for flags. */
export function readQuery(text: string): Query {
  const given = [...new URLSearchParams(text)].filter(([, value]) => value !== '')
  const read = new Set<string>()
  const problems: string[] = []
  const find = (name: string): string | null => {
    read.add(name)
    const values = given.filter(([each]) => each === name)
    if (values.length > 1) problems.push(`expected the option ${name} once`)
    return values[0]?.[1] ?? null
  }
  return {
    text: find,
    flag: (name) => {
      const word = find(name)?.trim().toLowerCase() ?? null
      if (word === null) return null
      if (!TRUE.includes(word) && !FALSE.includes(word)) problems.push(`expected the option ${name} to be true or false`)
      return TRUE.includes(word)
    },
    unread: () => [...new Set(given.map(([name]) => name))].filter((name) => !read.has(name)),
    problem: () => problems[0] ?? null,
  }
}
