import type { Caller } from '../identity/identity.ts'
import { compile, type Question, type Test } from './compile.ts'
import { scopeOf, toAttributes } from './credentials.ts'
import { DEFAULT_RULES, type DefaultRule } from './defaults.ts'
import { BROKEN, type Expression } from './expression.ts'
import { parseRule } from './parse-rule.ts'
import { NO_TARGET, type Target } from './policy.ts'
import type { WrittenRule } from './rule-file.ts'

/** All rules of a moment, those of files over the defaults. */
export interface Ruleset {
  /** Whether the rule lets this caller do it. Never throws; whatever has no answer is a no. */
  allows(rule: string, caller: Caller, target: Target): boolean
  /** What was not understood, with its place. */
  readonly complaints: readonly string[]
  /** Names of the rules that files give. */
  readonly written: readonly string[]
}

/** What differs from cloud to cloud beside the rules. */
export interface RulesetOptions {
  /** The rule that stands in for one that a rule refers to and that does not exist. */
  readonly defaultRule: string
  readonly enforceScope: boolean
}

const IS_ADMIN = 'context_is_admin'

/** Compiles the rules of files, in the order in which they count, the last of a name winning, over the defaults. */
export function createRuleset(written: readonly WrittenRule[], options: RulesetOptions): Ruleset {
  const complaints: string[] = []
  const tests = new Map<string, Test>()
  const find = (name: string) => tests.get(name) ?? tests.get(options.defaultRule)
  const add = ({ name, rule, place }: WrittenRule) => {
    const complain = (what: string) => void complaints.push(`${place}: ${name}: ${what}`)
    tests.set(
      name,
      compileSafely(() => parseRule(rule, complain), find, complain),
    )
  }
  for (const { name, check } of DEFAULT_RULES) add({ name, rule: check, place: 'default' })
  const last = new Map(written.map((rule) => [rule.name, rule]))
  for (const rule of last.values()) add(rule)
  const decide = (rule: string, caller: Caller, target: Target): boolean => {
    const test = tests.get(rule)
    if (test === undefined) return false
    if (options.enforceScope && !isInScope(rule, caller)) return false
    return ask(test, rule, { caller, target, tests })
  }
  /** What callers were told who come again: one object for all requests with the same token. */
  const told = new WeakMap<Caller, Map<string, boolean>>()
  return {
    allows: (rule, caller, target) => {
      if (target !== NO_TARGET) return decide(rule, caller, target)
      const known = told.get(caller)?.get(rule)
      if (known !== undefined) return known
      const answer = decide(rule, caller, target)
      told.set(caller, (told.get(caller) ?? new Map()).set(rule, answer))
      return answer
    },
    complaints,
    written: [...last.keys()],
  }
}

/** A rule nested so deep that it cannot be walked is broken, not fatal. */
function compileSafely(
  parse: () => Expression,
  find: (name: string) => Test | undefined,
  complain: (what: string) => void,
): Test {
  try {
    return compile(parse(), find)
  } catch (error) {
    complain(`cannot be followed: ${String(error)}`)
    return compile(BROKEN, find)
  }
}

interface Situation {
  readonly caller: Caller
  readonly target: Target
  readonly tests: ReadonlyMap<string, Test>
}

function ask(test: Test, rule: string, { caller, target, tests }: Situation): boolean {
  const attributes = toAttributes(caller)
  let admin: boolean | null | undefined = null
  // Nova settles this when it makes a request's context, when is_admin itself is not known yet (nova/context.py).
  const isAdmin = () => {
    const own = { project_id: caller.projectId, user_id: caller.userId }
    if (admin === null)
      admin = settle(tests.get(IS_ADMIN), { attributes, target: own, isAdmin: () => null, following: [IS_ADMIN] })
    return admin
  }
  return settle(test, { attributes, target, isAdmin, following: [rule] }) === true
}

/** Undefined: there is no answer. */
function settle(test: Test | undefined, about: Omit<Question, 'isBroken'>): boolean | undefined {
  const question: Question = { ...about, isBroken: false }
  try {
    const answer = test?.(question) ?? false
    return question.isBroken ? undefined : answer
  } catch {
    // Only a rule nested deeper than the stack comes here.
    return undefined
  }
}

const scopes: ReadonlyMap<string, DefaultRule['scope']> = new Map(DEFAULT_RULES.map(({ name, scope }) => [name, scope]))

function isInScope(rule: string, caller: Caller): boolean {
  const scope = scopes.get(rule) ?? null
  return scope === null || scope === scopeOf(caller)
}
