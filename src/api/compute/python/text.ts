/** What Python's `str.strip()` and `\s` take for white space, of what a header can hold. */
const SPACE = '[\\s\\x1c-\\x1f\\x85]'
const IS_SPACE = new RegExp(SPACE)

/** `text.strip()`. By hand: a regular expression anchored at the end alone takes quadratic time on a long run of blanks. */
export function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && IS_SPACE.test(text.charAt(start))) start++
  while (end > start && IS_SPACE.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

const FIRST_SPACE = new RegExp(`^${SPACE}*([^\\s\\x1c-\\x1f\\x85]+)${SPACE}+`)

/** `text.split(None, 1)`, where that gives two parts; else null. */
export function splitOnce(text: string): readonly [string, string] | null {
  const found = FIRST_SPACE.exec(text)
  if (found === null || found[1] === undefined) return null
  const rest = text.slice(found[0].length)
  return rest === '' ? null : [found[1], rest]
}

const FLOAT = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i

/** `float(text)`, or null where that is a ValueError. */
export function toFloat(text: string): number | null {
  const bare = strip(text)
  if (!FLOAT.test(bare)) return null
  if (/nan/i.test(bare)) return Number.NaN
  if (/inf/i.test(bare)) return bare.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(bare)
}
