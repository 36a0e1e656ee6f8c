import type { Template } from './expression.ts'

/** `%(name)` and the letter that says how to print it; Python allows flags between, which nobody has needed. */
const REFERENCE = /%\(([^()]*)\)(s?)/y

/**
 * Reads the right side of a check: Python's `text % target`, with `%(name)s` and `%%`. Any other use of `%` is broken: Python would
 * refuse it, or print what nobody compares with.
 */
export function parseTemplate(match: string): Template {
  const texts: string[] = []
  const names: string[] = []
  let text = ''
  for (let at = 0; at < match.length; ) {
    if (match[at] !== '%') {
      text += match[at++]
      continue
    }
    if (match[at + 1] === '%') {
      text += '%'
      at += 2
      continue
    }
    REFERENCE.lastIndex = at
    const [whole, name, letter] = REFERENCE.exec(match) ?? []
    if (whole === undefined || name === undefined) return { texts: [...texts, text], names, isBroken: true }
    names.push(name)
    texts.push(text)
    text = ''
    if (letter === '') return { texts: [...texts, text], names, isBroken: true }
    at += whole.length
  }
  return { texts: [...texts, text], names, isBroken: false }
}
