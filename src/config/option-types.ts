import { isAbsolute, resolve } from 'node:path'

/** How the text of an option becomes its value. `expected` completes the sentence "expected …". */
export interface OptionType<T> {
  readonly expected: string
  /** Undefined where the text is none of this type. */
  readonly parse: (text: string) => T | undefined
  /** All assignments count, not only the last. */
  readonly isMulti?: true
}

/** Any text. */
export const text: OptionType<string> = { expected: 'text', parse: (value) => value }

/** Text that is not empty. */
export const nonEmptyText: OptionType<string> = {
  expected: 'text that is not empty',
  parse: (value) => (value === '' ? undefined : value),
}

const TRUE = ['true', '1', 'on', 'yes']
const FALSE = ['false', '0', 'off', 'no']

/** oslo.config's booleans (oslo_config/types.py Boolean). */
export const boolean: OptionType<boolean> = {
  expected: 'true or false (or 1, 0, on, off, yes, no)',
  parse: (value) => (TRUE.includes(value.toLowerCase()) ? true : FALSE.includes(value.toLowerCase()) ? false : undefined),
}

/** A whole number within a range. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionType<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`
  return {
    expected: `a whole number ${range}`,
    parse: (value) => within(/^[+-]?\d+$/.test(value.trim()) ? Number(value) : Number.NaN, min, max),
  }
}

/** Seconds, with decimals where half a second matters; milliseconds inside. */
export function seconds(min: number, max: number): OptionType<number> {
  return {
    expected: `a number of seconds from ${min} to ${max}`,
    parse: (value) => {
      const number = within(/^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN, min, max)
      return number === undefined ? undefined : Math.round(number * 1000)
    },
  }
}

const within = (number: number, min: number, max: number) => (number >= min && number <= max ? number : undefined)

/** A number, with decimals or without. */
export function decimal(min: number, max: number): OptionType<number> {
  return {
    expected: `a number from ${min} to ${max}`,
    parse: (value) => within(/^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN, min, max),
  }
}

/** One of a few words, in any case. */
export function choice<const T extends string>(...values: readonly T[]): OptionType<T> {
  return {
    expected: values.length === 1 ? `${values[0]}` : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
    parse: (value) => values.find((each) => each.toLowerCase() === value.toLowerCase()),
  }
}

/** Texts with commas between; blanks around them do not count (oslo_config/types.py List). */
export const list: OptionType<readonly string[]> = {
  expected: 'texts with commas between',
  parse: (value) => {
    const items = value.trim().replace(/,+$/, '')
    return items === '' ? [] : items.split(',').map((item) => item.trim())
  },
}

/** The longest time that an option may ask for: a year. */
const YEAR_S = 31_536_000

/** Whole seconds for some of these names: `name:seconds` with commas between (oslo_config/types.py Dict). Each name once. */
export function secondsOf<const Name extends string>(
  names: readonly Name[],
): OptionType<Readonly<Partial<Record<Name, number>>>> {
  const parsePair = (pair: string): readonly [Name, number] | undefined => {
    const [, key, value] = /^([^:\s]+)\s*:\s*(\d+)$/.exec(pair) ?? []
    const name = names.find((each) => each === key)
    const number = within(Number(value), 1, YEAR_S)
    return name === undefined || number === undefined ? undefined : [name, number]
  }
  return {
    expected: `name:seconds with commas between, each name once and one of ${names.join(', ')}, seconds a whole number from 1 to ${YEAR_S}`,
    parse: (value) => {
      const pairs = (list.parse(value) ?? []).map(parsePair)
      const good = pairs.filter((pair) => pair !== undefined)
      const byName = new Map(good)
      return byName.size === pairs.length ? (Object.fromEntries(byName) as Partial<Record<Name, number>>) : undefined
    },
  }
}

/** An option that may be given several times: each is one text. */
export const multi: OptionType<readonly string[]> = { expected: 'text', parse: (value) => [value], isMulti: true }

/** Another type where empty means: not given. */
export function optional<T>(type: OptionType<T>): OptionType<T | null> {
  return { expected: type.expected, parse: (value) => (value === '' ? null : type.parse(value)) }
}

/** A path; one that is not absolute is meant from where the process was started. */
export const path: OptionType<string> = {
  expected: 'a path',
  parse: (value) => (value === '' || value.includes('\0') ? undefined : isAbsolute(value) ? value : resolve(value)),
}

/** The URL of an HTTP service. */
export const httpUrl: OptionType<string> = {
  expected: 'a URL that begins with http:// or https://',
  parse: (value) => {
    const url = URL.parse(value)
    const isGood = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
    return isGood ? value : undefined
  },
}

/** A path under which the API is served too: empty, or with a slash at its start and none at its end. */
export const urlPrefix: OptionType<string> = {
  expected: 'nothing, or a path like /compute',
  parse: (value) => {
    const prefix = value.replace(/\/+$/, '')
    return prefix === '' || /^(\/[A-Za-z0-9._~-]+)+$/.test(prefix) ? prefix : undefined
  },
}

/** Minor number of the newest microversion of Nova: 2.104, of Nova's master in August 2026 (nova/api/openstack/api_version_request.py). */
export const NEWEST_MICROVERSION = 104

/** A 2.x microversion, as its minor number. */
export const microversion: OptionType<number> = {
  expected: `a microversion from 2.1 to 2.${NEWEST_MICROVERSION}`,
  parse: (value) => {
    const minor = /^2\.([1-9]\d*)$/.exec(value.trim())?.[1]
    return minor === undefined ? undefined : within(Number(minor), 1, NEWEST_MICROVERSION)
  },
}

/** An address to listen on: a name or an IP address; IPv6 also in brackets. */
export const address: OptionType<string> = {
  expected: 'an IP address or the name of this machine',
  parse: (value) => {
    const bare = /^\[(.+)\]$/.exec(value)?.[1] ?? value
    return /^[A-Za-z0-9._:%-]+$/.test(bare) ? bare : undefined
  },
}
