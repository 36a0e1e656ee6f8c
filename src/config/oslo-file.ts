import { ConfigError } from './config-error.ts'

/** Where a value stands. */
export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** One assignment of a file: `key = value`, with its continuation lines. */
export interface Assignment extends Place {
  /** As oslo.config compares it: in lower case, but `DEFAULT`. */
  readonly section: string
  readonly key: string
  /** Continuation lines are joined by `\n`. Quotes around the whole first line are gone. Not yet substituted. */
  readonly text: string
}

/**
 * What an oslo.config file says, in order: oslo_config/iniparser.py and ConfigParser in oslo_config/cfg.py. Lines that begin with a
 * blank continue the value above, comments with a blank before them included; an empty line ends a value.
 * Throws a ConfigError with the first line that is not understood.
 */
export function parseOsloFile(file: string, content: string): readonly Assignment[] {
  const assignments: Assignment[] = []
  let section: string | null = null
  let open: { key: string; lines: string[]; line: number } | null = null
  const fail = (line: number, what: string): never => {
    throw new ConfigError([`${file}:${line}: ${what}`])
  }
  const close = () => {
    if (open === null) return
    if (section === null) return fail(open.line, `expected a [section] before ${open.key}`)
    assignments.push({ file, line: open.line, section, key: open.key, text: open.lines.join('\n') })
    open = null
  }
  for (const [index, raw] of content.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1
    const text = trimEnd(raw)
    if (text !== '' && (text.startsWith(' ') || text.startsWith('\t'))) {
      if (open === null) fail(line, 'expected a line that does not begin with a blank: there is no value that it continues')
      else open.lines.push(trimStart(text))
      continue
    }
    close()
    if (text === '' || text.startsWith('#') || text.startsWith(';')) continue
    if (text.startsWith('[')) section = normalizeSection(sectionName(text) ?? fail(line, 'expected [section]'))
    else open = { ...(keyAndValue(text) ?? fail(line, 'expected option = value')), line }
  }
  close()
  return assignments
}

/** oslo.config compares the names of sections in lower case, but that of `DEFAULT`. */
export function normalizeSection(name: string): string {
  return name === 'DEFAULT' ? name : name.toLowerCase()
}

function sectionName(text: string): string | null {
  return text.endsWith(']') && text.length > 2 ? text.slice(1, -1) : null
}

/** Splits at the first `=` or `:`. Null where there is none, or nothing before it. */
function keyAndValue(text: string): { key: string; lines: string[] } | null {
  const at = text.search(/[:=]/)
  const key = trim(text.slice(0, Math.max(at, 0)))
  return key === '' ? null : { key, lines: [unquote(trim(text.slice(at + 1)))] }
}

/** A single quote character alone is a pair of itself, as Python's `value[0] == value[-1]` has it. */
function unquote(value: string): string {
  const quote = value[0]
  return (quote === '"' || quote === "'") && value.endsWith(quote) ? value.slice(1, -1) : value
}

/** What Python's str.strip() takes away: not quite what JavaScript's trim() does. */
const BLANK = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const LEADING = new RegExp(`^${BLANK}+`)
const TRAILING_CHARACTER = new RegExp(BLANK)

const trimStart = (text: string): string => text.replace(LEADING, '')

/** By hand: a regular expression anchored at the end alone takes quadratic time on a long run of blanks. */
function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && TRAILING_CHARACTER.test(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

const trim = (text: string): string => trimStart(trimEnd(text))
