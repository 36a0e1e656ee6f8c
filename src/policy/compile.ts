import type { Attribute, Attributes } from './credentials.ts'
import type { Expression, Template } from './expression.ts'
import type { Target } from './policy.ts'

/** One question under way. */
export interface Question {
  readonly attributes: Attributes
  readonly target: Target
  /** What `is_admin` is to this question, found out when first asked; null: not known yet; undefined: there is no answer. */
  readonly isAdmin: () => boolean | null | undefined
  /** The rules that are being followed: one that is met again would go round for ever. */
  readonly following: string[]
  /** Something was met that has no answer: nobody is let through, whatever stands around it. */
  isBroken: boolean
}

/** A rule, ready to be asked. */
export type Test = (question: Question) => boolean

/** Finds a rule by name when it is asked for: rules may refer to rules that come later. */
export type FindRule = (name: string) => Test | undefined

/** Turns a rule into functions, once, so that asking it costs no parsing. */
export function compile(expression: Expression, find: FindRule): Test {
  switch (expression.kind) {
    case 'always':
      return () => true
    case 'never':
      return () => false
    case 'broken':
      return (question) => fill(expression.match, question) !== undefined && giveUp(question)
    case 'and': {
      const tests = expression.parts.map((part) => compile(part, find))
      return (question) => tests.every((test) => test(question))
    }
    case 'or': {
      const tests = expression.parts.map((part) => compile(part, find))
      return (question) => tests.some((test) => test(question))
    }
    case 'not': {
      const test = compile(expression.part, find)
      return (question) => !test(question)
    }
    case 'rule':
      return follow(expression.name, find)
    case 'role':
      return hasRole(expression.match)
    case 'is-admin':
      return (question) => {
        const isAdmin = question.isAdmin()
        return isAdmin === undefined ? giveUp(question) : isAdmin === expression.expected
      }
    case 'literal':
      return (question) => fill(expression.match, question) === expression.value
    case 'attribute':
      return hasAttribute(expression.path, expression.match)
  }
}

function giveUp(question: Question): false {
  question.isBroken = true
  return false
}

function follow(name: string, find: FindRule): Test {
  return (question) => {
    const { following } = question
    if (following.includes(name)) return giveUp(question)
    const test = find(name)
    if (test === undefined) return false
    following.push(name)
    const answer = test(question)
    following.pop()
    return answer
  }
}

function hasRole(match: Template): Test {
  return (question) => {
    const role = fill(match, question)?.toLowerCase()
    const roles = question.attributes['roles']
    return role !== undefined && isList(roles) && roles.some((each) => typeof each === 'string' && each.toLowerCase() === role)
  }
}

function hasAttribute(path: readonly string[], match: Template): Test {
  return (question) => {
    const expected = fill(match, question)
    return expected !== undefined && matches(question.attributes, path, expected, question)
  }
}

/** Every element of a list is looked at; a path into what has no parts fails the request in Nova (GenericCheck._find_in_dict). */
function matches(value: Attribute, path: readonly string[], expected: string, question: Question): boolean {
  if (isList(value)) return value.some((each) => matches(each, path, expected, question))
  const [name, ...rest] = path
  if (name === undefined) return print(value) === expected
  if (value === null || typeof value !== 'object') return giveUp(question)
  const next = Object.hasOwn(value, name) ? value[name] : undefined
  return next !== undefined && matches(next, rest, expected, question)
}

const isList = (value: Attribute | undefined): value is readonly Attribute[] => Array.isArray(value)

/** Python's `template % target`; undefined where the target has no such name. */
function fill({ texts, names, isBroken }: Template, question: Question): string | undefined {
  const { target } = question
  let text = texts[0] ?? ''
  for (const [index, name] of names.entries()) {
    const value = Object.hasOwn(target, name) ? target[name] : undefined
    if (value === undefined) return undefined
    text += print(value) + (texts[index + 1] ?? '')
  }
  if (isBroken) giveUp(question)
  return isBroken ? undefined : text
}

/** As Python's str() prints it. A mapping has no text that a rule could be meant to compare with. */
function print(value: Attribute): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'string' ? value : ''
}
