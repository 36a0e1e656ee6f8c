import type { CatalogService } from './catalog.ts'
import { contextDatetime } from './datetime.ts'

/** Who a context speaks for. Ids and names are Keystone's; null where there is none. */
export interface ContextSubject {
  readonly userId: string | null
  readonly userName: string | null
  readonly userDomainId: string | null
  readonly projectId: string | null
  readonly projectName: string | null
  readonly projectDomainId: string | null
  readonly domainId: string | null
  readonly systemScope: string | null
  readonly roles: readonly string[]
  readonly isAdminProject: boolean
}

/** What a context is made of. */
export interface ContextParts {
  readonly subject: ContextSubject
  readonly isAdmin: boolean
  /** Without one nova-compute uses its own credentials for Neutron and Cinder, if the context is an admin's. */
  readonly token: string | null
  readonly catalog: readonly CatalogService[]
  readonly remoteAddress: string | null
  readonly requestId: string
  readonly globalRequestId: string | null
  /** When the request came. */
  readonly receivedAtUs: number
}

/** Nobody in particular: the subject of Nova's own errands. */
export const NOBODY: ContextSubject = {
  userId: null,
  userName: null,
  userDomainId: null,
  projectId: null,
  projectName: null,
  projectDomainId: null,
  domainId: null,
  systemScope: null,
  roles: [],
  isAdminProject: true,
}

/**
 * A request's context as it travels in a message, each entry with the prefix that the envelope has for it, in Nova's order.
 * Source: nova/context.py RequestContext.to_dict, oslo_context/context.py to_dict.
 */
export function messageContext(parts: ContextParts): Readonly<Record<`_context_${string}`, unknown>> {
  const { subject } = parts
  return {
    _context_user: subject.userId,
    _context_project_id: subject.projectId,
    _context_system_scope: subject.systemScope,
    _context_project: subject.projectId,
    _context_domain: subject.domainId,
    _context_user_domain: subject.userDomainId,
    _context_project_domain: subject.projectDomainId,
    _context_is_admin: parts.isAdmin,
    _context_read_only: false,
    _context_show_deleted: false,
    _context_auth_token: parts.token,
    _context_request_id: parts.requestId,
    _context_global_request_id: parts.globalRequestId,
    _context_resource_uuid: null,
    _context_roles: subject.roles,
    _context_user_identity: userIdentity(subject),
    _context_is_admin_project: subject.isAdminProject,
    _context_user_id: subject.userId,
    _context_read_deleted: 'no',
    _context_remote_address: parts.remoteAddress,
    _context_timestamp: contextDatetime(parts.receivedAtUs),
    _context_quota_class: null,
    _context_user_name: subject.userName,
    _context_service_catalog: parts.catalog,
    _context_project_name: subject.projectName,
  }
}

/** As Nova's log lines show it. */
function userIdentity({ userId, projectId, domainId, userDomainId, projectDomainId }: ContextSubject): string {
  return [userId, projectId, domainId, userDomainId, projectDomainId].map((id) => id ?? '-').join(' ')
}
