import { describe, expect, it } from 'vitest'
import type { Caller } from '../identity/identity.ts'
import type { RuleText } from './parse-rule.ts'
import type { Target } from './policy.ts'
import { createRuleset } from './ruleset.ts'

const CREATE = 'os_compute_api:os-server-external-events:create'

const nobody: Caller = {
  userId: 'u1',
  userName: 'one',
  userDomainId: 'default',
  projectId: 'p1',
  projectName: 'project',
  projectDomainId: 'default',
  domainId: null,
  systemScope: null,
  roles: [],
  serviceRoles: [],
  isAdminProject: true,
  catalog: [],
}

const withRoles = (...roles: readonly string[]): Caller => ({ ...nobody, roles })

function rulesetOf(rules: Readonly<Record<string, RuleText>>, options = { defaultRule: 'default', enforceScope: false }) {
  return createRuleset(
    Object.entries(rules).map(([name, rule], index) => ({ name, rule, place: `file:${index + 1}:1` })),
    options,
  )
}

/** Whether a rule lets a caller through, on its own. */
const allows = (rule: RuleText, caller = nobody, target: Target = {}) =>
  rulesetOf({ asked: rule }).allows('asked', caller, target)

describe('default rules', () => {
  const { allows } = rulesetOf({})

  it('let admins and services send events', () => {
    expect(allows(CREATE, withRoles('admin'), {})).toBe(true)
    expect(allows(CREATE, withRoles('SERVICE'), {})).toBe(true)
    expect(allows(CREATE, withRoles('member', 'reader', 'manager'), {})).toBe(false)
  })

  it("let the system's readers look, and no project's", () => {
    const reader = withRoles('reader')
    for (const rule of ['novacast:servers:read', 'novacast:events:read', 'novacast:hosts:read']) {
      expect(allows(rule, { ...reader, systemScope: 'all', projectId: null }, {})).toBe(true)
      expect(allows(rule, reader, {})).toBe(false)
    }
    for (const rule of ['novacast:servers:write', 'novacast:hosts:follow'])
      expect(allows(rule, { ...reader, systemScope: 'all' }, {})).toBe(false)
  })

  it('let nobody do what has no rule', () => {
    expect(allows('novacast:nonsense', withRoles('admin', 'service'), {})).toBe(false)
    expect(rulesetOf({ default: '@' }).allows('novacast:nonsense', nobody, {})).toBe(false)
  })
})

describe('the rule language', () => {
  it('binds not before and, and before or', () => {
    expect(allows('@ or ! and !')).toBe(true)
    expect(allows('(@ or !) and !')).toBe(false)
    expect(allows('not ! and @')).toBe(true)
    expect(allows('not (! or @)')).toBe(false)
    expect(allows('! AND @ Or NOT !')).toBe(true)
  })

  it('lets everybody through where there is nothing to hold, and nobody where it is not understood', () => {
    expect([allows(''), allows([]), allows([[], '@'])]).toEqual([true, true, true])
    for (const bad of [' ', 'role:admin and', 'role:admin role:admin', '(', 'and', '"text"', 'nonsense', [[]]])
      expect(allows(bad, withRoles('admin'))).toBe(false)
  })

  it('compares roles in any case, and fills in the target', () => {
    expect(allows('role:%(wanted)s', withRoles('Boss'), { wanted: 'bOSS' })).toBe(true)
    expect(allows('role:%(wanted)s', withRoles('Boss'), {})).toBe(false)
    expect(allows('project_id:%(project_id)s', nobody, { project_id: 'p1' })).toBe(true)
    expect(allows('project_id:%(project_id)s', nobody, { project_id: 'P1' })).toBe(false)
    expect(allows("'a%b':a%%b")).toBe(true)
    expect(allows("'x-p1':x-%(project_id)s", nobody, { project_id: 'p1' })).toBe(true)
  })

  it('asks attributes, each element of lists, and literals', () => {
    expect(allows('service_roles:service', { ...nobody, serviceRoles: ['other', 'service'] })).toBe(true)
    expect(allows('is_admin_project:True')).toBe(true)
    expect(allows('domain_id:None')).toBe(true)
    expect(allows('True:%(flag)s', nobody, { flag: 'True' })).toBe(true)
    expect(allows('1.0:1.0')).toBe(true)
    expect(allows('__proto__:x or constructor:x or toString:x')).toBe(false)
  })

  it('refuses, whatever stands around it, what Nova would fail at', () => {
    for (const bad of ['not user_id.name:x', 'not x:%', "not 'open:x", 'not http://policy.example/', 'not class.x:y'])
      expect(allows(bad)).toBe(false)
    expect(allows('@ or user_id.name:x')).toBe(true)
  })

  it('refuses what goes round in a circle', () => {
    const { allows } = rulesetOf({
      a: 'not rule:b',
      b: 'rule:a',
      c: '@ or rule:c',
      d: 'is_admin:False',
      context_is_admin: 'rule:a',
    })
    expect(['a', 'b', 'c', 'd'].map((rule) => allows(rule, nobody, {}))).toEqual([false, false, true, false])
  })

  it('survives rules that nest deeper than the stack', () => {
    const deep = `${'not '.repeat(100_000)}@`
    const { allows, complaints } = rulesetOf({ deep, wide: `${'('.repeat(100_000)}@${')'.repeat(100_000)}` })
    expect(allows('deep', nobody, {})).toBe(false)
    expect(complaints).toEqual([expect.stringContaining('file:1:1: deep: cannot be followed')])
    expect(allows('wide', nobody, {})).toBe(true)
    const chain = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`r${index}`, `rule:r${index + 1}`]))
    expect(rulesetOf({ ...chain, r20000: '@' }).allows('r0', nobody, {})).toBe(false)
  })
})

describe('rules of files', () => {
  it('stand before the defaults, the last of a name before the others', () => {
    const rules = ['role:first', 'role:second'].map((rule) => ({ name: CREATE, rule, place: 'file:1:1' }))
    const { allows, written } = createRuleset(rules, { defaultRule: 'default', enforceScope: false })
    expect(allows(CREATE, withRoles('second'), {})).toBe(true)
    expect(allows(CREATE, withRoles('first', 'admin'), {})).toBe(false)
    expect(written).toEqual([CREATE])
  })

  it('change who is_admin is', () => {
    const { allows } = rulesetOf({ context_is_admin: 'role:boss', [CREATE]: 'rule:admin_api' })
    expect(allows(CREATE, withRoles('boss'), {})).toBe(true)
    expect(allows(CREATE, withRoles('admin'), {})).toBe(false)
  })

  it('may ask for is_admin where it is decided, though it is not known there', () => {
    const { allows } = rulesetOf({ context_is_admin: 'is_admin:True or role:boss', [CREATE]: 'rule:context_is_admin' })
    expect(allows(CREATE, withRoles('boss'), {})).toBe(true)
    expect(allows(CREATE, nobody, {})).toBe(false)
  })

  it('refer to the default rule where they refer to nothing', () => {
    expect(rulesetOf({ a: 'rule:nowhere' }).allows('a', nobody, {})).toBe(false)
    expect(rulesetOf({ a: 'rule:nowhere', default: '@' }).allows('a', nobody, {})).toBe(true)
    expect(
      rulesetOf({ a: 'rule:nowhere', other: '@' }, { defaultRule: 'other', enforceScope: false }).allows('a', nobody, {}),
    ).toBe(true)
  })

  it('say what is not understood, and where', () => {
    const { complaints } = rulesetOf({ good: 'role:x', bad: 'role:x or', remote: 'https://policy/%(x)s' })
    expect(complaints).toEqual([
      'file:2:1: bad: expected checks joined by and, or, not and parentheses, not "role:x or", which lets nobody through',
      expect.stringMatching(/^file:3:1: remote: novacast asks no policy server: .* "https:\/\/policy\/%\(x\)s"/),
    ])
  })
})

describe('enforce_scope', () => {
  const { allows } = rulesetOf({}, { defaultRule: 'default', enforceScope: true })

  it("wants a project's token for Nova's rule, and any for novacast's own", () => {
    const admin = withRoles('admin')
    const system = { ...admin, systemScope: 'all', projectId: null }
    expect(allows(CREATE, admin, {})).toBe(true)
    expect(allows(CREATE, system, {})).toBe(false)
    expect(allows(CREATE, { ...admin, domainId: 'd', projectId: null }, {})).toBe(false)
    expect(allows('novacast:servers:write', system, {})).toBe(true)
  })
})
