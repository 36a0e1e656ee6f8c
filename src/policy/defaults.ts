/** A rule that exists without any policy file. */
export interface DefaultRule {
  readonly name: string
  readonly check: string
  /** What the reference says of it. */
  readonly description: string
  /** Whose it is: Nova's, so that files written for Nova mean the same here, or novacast's own. */
  readonly origin: 'nova' | 'novacast'
  /** The token scope it is meant for, where `[oslo_policy] enforce_scope` is set; null: any. */
  readonly scope: 'project' | null
  /** Whether novacast asks it; the others are there to be referred to. */
  readonly isAsked: boolean
}

/** A rule that other rules refer to. */
const base = (name: string, check: string, description: string): DefaultRule => ({
  name,
  check,
  description,
  origin: 'nova',
  scope: null,
  isAsked: false,
})

const own = (name: string, check: string, description: string): DefaultRule => ({
  name,
  check,
  description,
  origin: 'novacast',
  scope: null,
  isAsked: true,
})

/** Why not also a reader in the admin project: a token says that of every project where Keystone has no admin project. */
const READERS = 'rule:service_or_admin or (role:reader and system_scope:all)'

/**
 * The rules that exist without a policy file. Those of Nova are its newest: nova/policies/base.py and
 * nova/policies/server_external_events.py of its master in August 2026, without the older checks that enforce_new_defaults = false
 * would add to them.
 */
export const DEFAULT_RULES: readonly DefaultRule[] = [
  {
    name: 'os_compute_api:os-server-external-events:create',
    check: 'rule:service_or_admin',
    description: 'POST /os-server-external-events',
    origin: 'nova',
    scope: 'project',
    isAsked: true,
  },
  own('novacast:servers:read', READERS, 'List and show registered servers.'),
  own('novacast:servers:write', 'rule:service_or_admin', 'Register, change, import and remove servers.'),
  own('novacast:events:read', READERS, 'Search, show and watch events.'),
  own('novacast:events:replay', 'rule:service_or_admin', 'Deliver events again that had ended.'),
  own('novacast:hosts:read', READERS, 'List and show hosts.'),
  own('novacast:hosts:follow', 'rule:service_or_admin', "Follow a host's events and acknowledge them."),
  { ...base('context_is_admin', 'role:admin', 'Whether is_admin:True holds.'), isAsked: true },
  base('admin_or_owner', 'is_admin:True or project_id:%(project_id)s', 'Deprecated in Nova.'),
  base('admin_api', 'is_admin:True', 'Deprecated in Nova.'),
  base('project_manager_api', 'role:manager and project_id:%(project_id)s', 'Managers of the project.'),
  base('project_member_api', 'role:member and project_id:%(project_id)s', 'Members of the project.'),
  base('project_reader_api', 'role:reader and project_id:%(project_id)s', 'Readers of the project.'),
  base('service_api', 'role:service', 'Other services.'),
  base('project_manager_or_admin', 'rule:project_manager_api or rule:context_is_admin', 'Managers of the project, and admins.'),
  base('project_member_or_admin', 'rule:project_member_api or rule:context_is_admin', 'Members of the project, and admins.'),
  base('project_reader_or_admin', 'rule:project_reader_api or rule:context_is_admin', 'Readers of the project, and admins.'),
  base('service_or_admin', 'rule:service_api or rule:context_is_admin', 'Other services, and admins.'),
]
