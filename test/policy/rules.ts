import fc from 'fast-check'
import type { Caller } from '../../src/identity/identity.ts'
import type { RuleText } from '../../src/policy/parse-rule.ts'
import type { Target } from '../../src/policy/policy.ts'

/** Names that generated rules have and refer to; the last two never exist. */
export const RULE_NAMES = ['a', 'b', 'c', 'd:e', 'context_is_admin'] as const
const REFERRED = [...RULE_NAMES, 'admin_or_owner', 'service_or_admin', 'nowhere', ''] as const

const ROLES = ['admin', 'Admin', 'member', 'reader', 'service', 'compute:admin', 'ſtrange', 'ÄRGER', 'ärger'] as const
const VALUES = ['u1', 'p1', 'p2', 'all', 'True', 'False', 'None', 'admin', '1', '1.0', '-1', 'x y', '', '%'] as const
const TARGET_NAMES = ['project_id', 'user_id', 'target.role.name', 'flag', 'none'] as const

const reference = fc.constantFrom(...TARGET_NAMES, 'nowhere').map((name) => `%(${name})s`)
const match = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES).filter((value) => !/[ %]/.test(value)) },
  { weight: 4, arbitrary: reference },
  { weight: 1, arbitrary: fc.tuple(reference, reference).map((two) => two.join('-')) },
  { weight: 1, arbitrary: fc.constantFrom('%', '%%', '100%%', '%d', '%(x', 'a)', '%(project_id)d', ':', 'a:b', "'", 'é') },
)
const subject = fc.constantFrom(
  'user_id',
  'project_id',
  'domain_id',
  'system_scope',
  'system',
  'is_admin_project',
  'roles',
  'service_roles',
  'service_user_id',
  'nowhere',
  'no.where',
  'roles.name',
  'user_id.name',
  'project_id.a.b',
  'a-b',
  '__proto__',
  'constructor',
  "'p1'",
  '"u1"',
  "'None'",
  "''",
  'True',
  'False',
  'None',
  '1',
  '-1',
  '1.0',
  '0.5',
  '01',
  '@',
  "'open",
  'is',
  'class.x',
  'user_id.',
  '..',
  '',
)
const check = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...ROLES, '%(target.role.name)s', '%(nowhere)s').map((role) => `role:${role}`) },
  { weight: 5, arbitrary: fc.constantFrom(...REFERRED).map((name) => `rule:${name}`) },
  { weight: 3, arbitrary: fc.constantFrom('True', 'False', 'true', 'no').map((value) => `is_admin:${value}`) },
  { weight: 8, arbitrary: fc.tuple(subject, match).map(([left, right]) => `${left}:${right}`) },
  { weight: 3, arbitrary: fc.constantFrom('@', '!') },
  { weight: 1, arbitrary: fc.constantFrom('nonsense', ':', '@@', '"quoted"', "'quoted:text'", 'rule', 'role') },
)

/** Rules that mean something. */
const sensible: fc.Arbitrary<string> = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    check,
    fc.tuple(tie('rule'), fc.constantFrom('and', 'or', 'AND', 'Or'), tie('rule')).map((words) => words.join(' ')),
    tie('rule').map((rule) => `not ${rule}`),
    tie('rule').map((rule) => `(${rule})`),
    tie('rule').map((rule) => `( ${rule}\t)`),
  ),
})).rule

/** Words in no order. */
const soup = fc
  .array(fc.oneof(check, fc.constantFrom('and', 'or', 'not', '(', ')', '()', '((', '(not', 'and)', ' ', '\u2003', '\ufeff')), {
    maxLength: 9,
  })
  .map((words) => words.join(' '))

const listed = fc.array(fc.oneof(check, fc.array(fc.oneof(check, fc.constant('')), { maxLength: 3 }), fc.constant('')), {
  maxLength: 4,
})

const ruleText: fc.Arbitrary<RuleText> = fc.oneof(
  { weight: 6, arbitrary: sensible },
  { weight: 3, arbitrary: soup },
  { weight: 2, arbitrary: listed },
)

/** Rules by name, as a policy file gives them. */
export const writtenRules: fc.Arbitrary<Readonly<Record<string, RuleText>>> = fc.dictionary(
  fc.constantFrom(...RULE_NAMES, 'default'),
  ruleText,
  { maxKeys: 6, noNullPrototype: true },
)

const id = fc.constantFrom(null, 'u1', 'p1', 'p2', 'None')

/** Anybody. */
export const caller: fc.Arbitrary<Caller> = fc.record({
  userId: id,
  userName: id,
  userDomainId: id,
  projectId: id,
  projectName: id,
  projectDomainId: id,
  domainId: id,
  systemScope: fc.constantFrom(null, null, 'all'),
  roles: fc.subarray([...ROLES]),
  serviceRoles: fc.subarray([...ROLES], { maxLength: 2 }),
  isAdminProject: fc.boolean(),
  catalog: fc.constant([]),
})

/** Anything. */
export const target: fc.Arbitrary<Target> = fc.dictionary(fc.constantFrom(...TARGET_NAMES), fc.constantFrom(null, ...VALUES), {
  noNullPrototype: true,
})
