import type { Caller } from '../identity/identity.ts'

/** What rules may ask of a caller, by the names of oslo.context. */
export type Attribute = string | boolean | null | readonly Attribute[] | { readonly [name: string]: Attribute }

/** By name. */
export type Attributes = Readonly<Record<string, Attribute>>

/**
 * What Nova's RequestContext.to_policy_values gives its policy. `is_admin` has a check of its own. Of a service token novacast
 * knows the roles alone.
 */
export function toAttributes(caller: Caller): Attributes {
  return {
    user_id: caller.userId,
    user_domain_id: caller.userDomainId,
    system_scope: caller.systemScope,
    domain_id: caller.domainId,
    project_id: caller.projectId,
    project_domain_id: caller.projectDomainId,
    roles: caller.roles,
    is_admin_project: caller.isAdminProject,
    service_user_id: null,
    service_user_domain_id: null,
    service_project_id: null,
    service_project_domain_id: null,
    service_roles: caller.serviceRoles,
    is_admin: null,
    ...(caller.systemScope ? { system: caller.systemScope } : {}),
  }
}

/** What the token is for, as oslo.policy's Enforcer._enforce_scope tells it. */
export function scopeOf(caller: Caller): 'system' | 'domain' | 'project' {
  if (caller.systemScope) return 'system'
  return caller.domainId ? 'domain' : 'project'
}
