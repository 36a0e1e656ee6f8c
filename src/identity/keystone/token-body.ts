import type { Caller } from '../identity.ts'
import { at, listAt, parseJson, textAt } from './json.ts'

/** What Keystone says of a token. */
export interface TokenFacts {
  readonly caller: Caller
  readonly expiresAtMs: number
  /** How long Keystone lets it live from its making, by Keystone's own clock. */
  readonly lifeMs: number
  /** Good only for requests that an application credential's access rules name. */
  readonly isRestricted: boolean
}

/**
 * Reads the body of Keystone's answer about a token: `{"token": {…}}`. Null where it is something else. Which field means what:
 * Keystone's Identity API v3 and keystoneauth1/access/access.py.
 */
export function parseTokenBody(text: string): TokenFacts | null {
  const token = at(parseJson(text), 'token')
  const expiresAtMs = parseTime(at(token, 'expires_at'))
  const user = at(token, 'user')
  if (expiresAtMs === null || textAt(user, 'id') === null) return null
  const issuedAtMs = parseTime(at(token, 'issued_at'))
  return {
    caller: readCaller(token, user),
    expiresAtMs,
    lifeMs: expiresAtMs - (issuedAtMs ?? Date.now()),
    isRestricted: Array.isArray(at(at(token, 'application_credential'), 'access_rules')),
  }
}

function readCaller(token: unknown, user: unknown): Caller {
  const project = at(token, 'project')
  return {
    userId: textAt(user, 'id'),
    userName: textAt(user, 'name'),
    userDomainId: textAt(at(user, 'domain'), 'id'),
    projectId: textAt(project, 'id'),
    projectName: textAt(project, 'name'),
    projectDomainId: textAt(at(project, 'domain'), 'id'),
    domainId: textAt(at(token, 'domain'), 'id'),
    systemScope: at(at(token, 'system'), 'all') === true ? 'all' : null,
    roles: listAt(token, 'roles').flatMap((role) => textAt(role, 'name') ?? []),
    serviceRoles: [],
    // Where Keystone says nothing of an admin project, every project may be it.
    isAdminProject: at(token, 'is_admin_project') !== false,
    catalog: listAt(token, 'catalog'),
  }
}

/**
 * Keystone's times are UTC, even where it leaves out the Z: a token of an application credential that expires has
 * `2026-11-25T00:18:57`.
 */
function parseTime(value: unknown): number | null {
  if (typeof value !== 'string') return null
  const ms = Date.parse(/Z$|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`)
  return Number.isNaN(ms) ? null : ms
}
