import { type Complain, parseAtom } from './atom.ts'
import { ALWAYS, BROKEN, type Expression, NEVER } from './expression.ts'

/** A rule as a policy file has it: in the rule language, or as the older lists of lists. */
export type RuleText = string | readonly (string | readonly unknown[])[]

/** Reads a rule (oslo_policy/_parser.py parse_rule). What is not understood is complained of, and lets nobody through. */
export function parseRule(rule: RuleText, complain: Complain): Expression {
  return typeof rule === 'string' ? parseText(rule, complain) : parseList(rule, complain)
}

/** The outer list is joined by "or", the inner ones by "and". */
function parseList(rule: readonly (string | readonly unknown[])[], complain: Complain): Expression {
  if (rule.length === 0) return ALWAYS
  const parts = rule
    .filter((inner) => inner.length > 0)
    .map((inner): Expression => {
      const checks = (typeof inner === 'string' ? [inner] : inner).map((text) => parseListed(text, complain))
      return checks.length === 1 && checks[0] !== undefined ? checks[0] : { kind: 'and', parts: checks }
    })
  return parts.length === 0 ? NEVER : { kind: 'or', parts }
}

function parseListed(text: unknown, complain: Complain): Expression {
  if (typeof text === 'string') return parseAtom(text, complain)
  complain(`expected a check as text, not ${JSON.stringify(text)}, which never holds`)
  return NEVER
}

/** What lies on the parser's stack. `and` and `or` are expressions that the next word may still extend. */
type Symbol =
  | { readonly type: '(' | ')' | 'word-and' | 'word-or' | 'word-not' | 'string' }
  | { readonly type: 'check' | 'and' | 'or'; readonly expression: Expression }

function parseText(rule: string, complain: Complain): Expression {
  if (rule === '') return ALWAYS
  const stack: Symbol[] = []
  for (const symbol of tokenize(rule, complain)) {
    stack.push(symbol)
    while (reduce(stack));
  }
  const only = stack[0]
  if (stack.length === 1 && only !== undefined && 'expression' in only) return only.expression
  complain(`expected checks joined by and, or, not and parentheses, not ${JSON.stringify(rule)}, which lets nobody through`)
  // oslo.policy takes a rule that is one stray word for understood, and fails when it comes to it.
  return stack.length === 1 ? BROKEN : NEVER
}

/** What Python's `\s` matches: not quite what JavaScript's does. */
const BLANKS = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/

function* tokenize(rule: string, complain: Complain): Generator<Symbol> {
  for (const token of rule.split(BLANKS)) {
    const start = countLeading(token)
    for (let n = 0; n < start; n++) yield { type: '(' }
    const inner = token.slice(start)
    const end = countTrailing(inner)
    const word = inner.slice(0, inner.length - end)
    if (word !== '') yield toSymbol(word, inner, complain)
    for (let n = 0; n < end; n++) yield { type: ')' }
  }
}

function countLeading(token: string): number {
  let count = 0
  while (token[count] === '(') count++
  return count
}

function countTrailing(token: string): number {
  let count = 0
  while (count < token.length && token[token.length - 1 - count] === ')') count++
  return count
}

function toSymbol(word: string, token: string, complain: Complain): Symbol {
  const lower = word.toLowerCase()
  if (lower === 'and' || lower === 'or' || lower === 'not') return { type: `word-${lower}` }
  const isQuoted = token.length >= 2 && (token[0] === '"' || token[0] === "'") && token.endsWith(token[0])
  return isQuoted ? { type: 'string' } : { type: 'check', expression: parseAtom(word, complain) }
}

/**
 * Replaces what the end of the stack is, where it is something whole; oslo.policy's grammar, in its order:
 *
 *     ( check )  ( and )  ( or )          a check
 *     check and check                     an and
 *     or and check                        an or, whose last part became an and: `a or b and c`
 *     and and check                       the and, one part longer
 *     check or check,  and or check       an or
 *     or or check                         the or, one part longer
 *     not check                           a check
 */
function reduce(stack: Symbol[]): boolean {
  const [first, second, third] = [stack.at(-3), stack.at(-2), stack.at(-1)]
  const replace = (count: number, type: 'check' | 'and' | 'or', expression: Expression) => {
    stack.splice(-count, count, { type, expression })
    return true
  }
  if (first?.type === '(' && third?.type === ')' && second !== undefined && 'expression' in second)
    return replace(3, 'check', second.expression)
  if (third?.type !== 'check') return false
  if (first !== undefined && 'expression' in first) {
    if (second?.type === 'word-and') return replace(3, first.type === 'or' ? 'or' : 'and', joinAnd(first, third.expression))
    if (second?.type === 'word-or')
      return replace(3, 'or', {
        kind: 'or',
        parts: [...(first.type === 'or' ? partsOf(first.expression) : [first.expression]), third.expression],
      })
  }
  return second?.type === 'word-not' && replace(2, 'check', { kind: 'not', part: third.expression })
}

function joinAnd({ type, expression }: Extract<Symbol, { expression: Expression }>, right: Expression): Expression {
  if (type === 'check') return { kind: 'and', parts: [expression, right] }
  const parts = partsOf(expression)
  if (type === 'and') return { kind: 'and', parts: [...parts, right] }
  const last = parts.at(-1) ?? NEVER
  return { kind: 'or', parts: [...parts.slice(0, -1), { kind: 'and', parts: [last, right] }] }
}

const partsOf = (expression: Expression): readonly Expression[] => ('parts' in expression ? expression.parts : [expression])
