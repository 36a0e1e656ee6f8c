/** What Python's `str.strip()` and `\s` take for white space, of what a header can hold. */
const SPACE = '[\\s\\x1c-\\x1f\\x85]'
const AROUND = new RegExp(`^${SPACE}+|${SPACE}+$`, 'g')

/** `text.strip()` */
export function strip(text: string): string {
  return text.replaceAll(AROUND, '')
}

const FIRST_SPACE = new RegExp(`^${SPACE}*([^\\s\\x1c-\\x1f\\x85]+)${SPACE}+`)

/** `text.split(None, 1)`, where that gives two parts; else null. */
export function splitOnce(text: string): readonly [string, string] | null {
  const found = FIRST_SPACE.exec(text)
  if (found === null || found[1] === undefined) return null
  const rest = text.slice(found[0].length)
  return rest === '' ? null : [found[1], rest]
}

const FLOAT = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i

/** `float(text)`, or null where that is a ValueError. */
export function toFloat(text: string): number | null {
  const bare = strip(text)
  if (!FLOAT.test(bare)) return null
  if (/nan/i.test(bare)) return Number.NaN
  if (/inf/i.test(bare)) return bare.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(bare)
}
