import { isDict, isList, type PyValue } from './value.ts'

/** What Python's `repr()` gives. */
export function repr(value: PyValue): string {
  if (value === null) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'string') return reprString(value)
  if (isList(value)) return `[${value.map(repr).join(', ')}]`
  if (isDict(value)) return `{${[...value].map(([key, each]) => `${reprString(key)}: ${repr(each)}`).join(', ')}}`
  return value.repr
}

/** What Python's `str()` gives: strings as they are, all else as `repr`. */
export function str(value: PyValue): string {
  return typeof value === 'string' ? value : repr(value)
}

/** What `str.isprintable` says no to, the backslash, and both quotes. Python's tables of Unicode may be some years older than ours. */
const ESCAPED = /['"\\]|(?! )[\p{C}\p{Z}]/gu

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inside = text.replaceAll(ESCAPED, (char) => {
    if (char === "'" || char === '"') return char === quote ? `\\${char}` : char
    return SHORT_ESCAPES[char] ?? escapeCodePoint(char.codePointAt(0) ?? 0)
  })
  return quote + inside + quote
}

function escapeCodePoint(code: number): string {
  const hex = code.toString(16)
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

/** Python's `repr` of a float: the same shortest digits as JavaScript's, with an exponent below 1e-4 and from 1e16 on. */
export function reprFloat(number: number): string {
  if (Number.isNaN(number)) return 'nan'
  if (!Number.isFinite(number)) return number < 0 ? '-inf' : 'inf'
  if (number === 0) return Object.is(number, -0) ? '-0.0' : '0.0'
  const magnitude = Math.abs(number)
  if (magnitude >= 1e16 || magnitude < 1e-4) {
    return number
      .toExponential()
      .replace(/e([+-])(\d+)$/, (_, sign: string, digits: string) => `e${sign}${digits.padStart(2, '0')}`)
  }
  const text = String(number)
  return text.includes('.') ? text : `${text}.0`
}
