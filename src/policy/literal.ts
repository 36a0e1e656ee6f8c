/**
 * The value, as Python's str() prints it, of a left side that is a Python literal: a quoted text, True, False, None, a number.
 * Null for what is none of these (ast.literal_eval also knows tuples, bytes and more: nobody compares with those).
 */
export function parseLiteral(kind: string): string | null {
  if (kind === 'True' || kind === 'False' || kind === 'None') return kind
  if (/^[+-]?(0|[1-9]\d{0,300})$/.test(kind)) return String(BigInt(kind.replace('+', '')))
  if (/^[+-]?\d{1,15}\.\d{1,15}$/.test(kind)) return printFloat(Number(kind))
  return parseQuoted(kind)
}

/** Within this range Python and JavaScript print the same digits; Python's whole floats have a `.0`. */
function printFloat(value: number): string | null {
  if (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e16) return null
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', "'": "'", '"': '"', n: '\n', t: '\t', r: '\r' }

function parseQuoted(kind: string): string | null {
  const quote = kind[0]
  if ((quote !== "'" && quote !== '"') || kind.length < 2 || !kind.endsWith(quote)) return null
  let text = ''
  for (let at = 1; at < kind.length - 1; at++) {
    const character = kind[at]
    if (character === quote || character === '\n') return null
    if (character !== '\\') {
      text += character
      continue
    }
    const escaped = ESCAPES[kind[++at] ?? '']
    if (escaped === undefined || at === kind.length - 1) return null
    text += escaped
  }
  return text
}
