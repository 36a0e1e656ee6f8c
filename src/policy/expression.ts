/** A rule, understood: what must hold of a caller and a target. */
export type Expression =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'and'; readonly parts: readonly Expression[] }
  | { readonly kind: 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  /** `rule:name`: what another rule says. */
  | { readonly kind: 'rule'; readonly name: string }
  /** `role:name`, in any case. */
  | { readonly kind: 'role'; readonly match: Template }
  /** `is_admin:True`: whether `context_is_admin` holds (nova/policy.py IsAdminCheck). */
  | { readonly kind: 'is-admin'; readonly expected: boolean }
  /** `'literal':match` */
  | { readonly kind: 'literal'; readonly value: string; readonly match: Template }
  /** `user_id:match`, `token.roles.name:match`: a path into what is known of the caller. */
  | { readonly kind: 'attribute'; readonly path: readonly string[]; readonly match: Template }
  /** Nova would fail the whole request where it came to this; here it refuses, whatever stands around it. */
  | { readonly kind: 'broken'; readonly match: Template }

/** The right side of a check, with the `%(name)s` in it: texts and names of the target in turn, beginning and ending with a text. */
export interface Template {
  readonly texts: readonly string[]
  readonly names: readonly string[]
  /** What stands behind the last text is no reference that could be filled in. */
  readonly isBroken: boolean
}

export const ALWAYS: Expression = { kind: 'always' }
export const NEVER: Expression = { kind: 'never' }
export const BROKEN: Expression = { kind: 'broken', match: { texts: [''], names: [], isBroken: false } }
