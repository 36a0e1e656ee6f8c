import { isAlias, isMap, isNode, isScalar, LineCounter, type Node, type Pair, parseAllDocuments } from 'yaml'
import type { RuleText } from './parse-rule.ts'
import { PolicyError } from './policy-error.ts'

/** A rule of a policy file, and where it stands. */
export interface WrittenRule {
  readonly name: string
  readonly rule: RuleText
  /** `file:line:column`. */
  readonly place: string
}

/**
 * Reads a policy file: YAML 1.1 as Python reads it, or JSON, which is YAML too. A name that comes twice counts as it stands last.
 * Throws a PolicyError. A value that is neither text nor a list is refused, though oslo.policy would take most of them for "let
 * everybody through": `!` without quotes is nothing to YAML, and `no` is false.
 */
export function parseRuleFile(file: string, content: string): readonly WrittenRule[] {
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const documents = parseAllDocuments(content, { version: '1.1', lineCounter: lines, uniqueKeys: false, prettyErrors: false })
  const [document, second] = documents
  const problems = documents.flatMap(({ errors, warnings }) =>
    [...errors, ...warnings].map((error) => `${at(error.pos[0])}: ${firstLine(error.message)}`),
  )
  if (second !== undefined) problems.push(`${at(second.range[0])}: expected one document, not several`)
  const root = document?.contents ?? null
  if (problems.length > 0) throw new PolicyError(problems)
  if (document === undefined || root === null || (isScalar(root) && root.value === null)) return []
  if (!isMap(root)) throw new PolicyError([`${at(root.range?.[0] ?? 0)}: expected rules by name, like "name": "rule:admin_api"`])
  const toRule = ({ key, value }: Pair): WrittenRule | null => {
    const place = at(isNode(key) ? (key.range?.[0] ?? 0) : 0)
    const name = isScalar(key) ? key.value : null
    const node = isAlias(value) ? value.resolve(document) : value
    const rule: unknown = isNode(node) && !isNothing(node) ? node.toJS(document) : null
    if (typeof name === 'string' && isRuleText(rule)) return { name, rule, place }
    problems.push(
      typeof name === 'string'
        ? `${place}: ${name}: expected a rule in quotes, or a list of checks; write "!" for nobody and "" for everybody`
        : `${place}: expected the name of a rule`,
    )
    return null
  }
  const rules = root.items.map((pair) => toRule(pair as Pair)).filter((rule) => rule !== null)
  if (problems.length > 0) throw new PolicyError(problems)
  return rules
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''

/** Empty, and not by quotes: an unquoted `!` for one. */
function isNothing(node: Node): boolean {
  return isScalar(node) && node.value === '' && node.type !== 'QUOTE_DOUBLE' && node.type !== 'QUOTE_SINGLE'
}

function isRuleText(rule: unknown): rule is RuleText {
  return (
    typeof rule === 'string' || (Array.isArray(rule) && rule.every((each) => typeof each === 'string' || Array.isArray(each)))
  )
}
