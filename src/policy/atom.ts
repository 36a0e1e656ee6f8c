import { ALWAYS, BROKEN, type Expression, NEVER } from './expression.ts'
import { parseLiteral } from './literal.ts'
import { parseTemplate } from './template.ts'

/** Told what of a rule was not understood, and what that means. */
export type Complain = (complaint: string) => void

/** Reads one check, `kind:match`, `@` or `!` (oslo_policy/_parser.py _parse_check). */
export function parseAtom(text: string, complain: Complain): Expression {
  if (text === '!') return NEVER
  if (text === '@') return ALWAYS
  const colon = text.indexOf(':')
  if (colon < 0) {
    complain(`expected kind:match, @ or !, not ${JSON.stringify(text)}, which never holds`)
    return NEVER
  }
  return parseCheck(text.slice(0, colon), text.slice(colon + 1), (what) => {
    complain(`${what} in ${JSON.stringify(text)}; the rule lets nobody through where it comes to this`)
  })
}

function parseCheck(kind: string, right: string, complain: Complain): Expression {
  if (kind === 'rule') return { kind: 'rule', name: right }
  if (kind === 'is_admin') return { kind: 'is-admin', expected: right.toLowerCase() === 'true' }
  if (kind === 'http' || kind === 'https') {
    complain('novacast asks no policy server: expected another check than http or https')
    return BROKEN
  }
  const match = parseTemplate(right)
  if (match.isBroken) complain('expected %(name)s, or %% for a percent sign,')
  if (kind === 'role') return { kind: 'role', match }
  const value = parseLiteral(kind)
  if (value !== null) return { kind: 'literal', value, match }
  if (isPath(kind)) return { kind: 'attribute', path: kind.split('.'), match }
  complain("expected an attribute of the caller or a literal like 'text' on the left")
  return { kind: 'broken', match }
}

const SEGMENT = /^[\p{L}_][\p{L}\p{N}_]*(-[\p{L}_][\p{L}\p{N}_]*)*$/u

/** Words that make a left side no Python expression, which oslo.policy stumbles over. */
const KEYWORDS = new Set(
  (
    'and as assert async await break class continue def del elif else except finally for from global if import in is lambda ' +
    'nonlocal not or pass raise return try while with yield'
  ).split(' '),
)

function isPath(kind: string): boolean {
  return kind.split('.').every((segment) => SEGMENT.test(segment) && segment.split('-').every((word) => !KEYWORDS.has(word)))
}
