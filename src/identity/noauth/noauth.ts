import type { Identification, Identity } from '../identity.ts'

const NO_TOKEN: Identification = { kind: 'invalid', reason: 'no X-Auth-Token; without Keystone it is user:project' }

/**
 * Believes whoever asks, by the convention of Nova's noauth2: the token is `user:project`, the project is the user where none is
 * named, and the user `admin` has the role admin. Answers at once. Source: nova/api/openstack/auth.py; its answer to a request
 * without a token (204 and a made-up one) is left out: here that is a 401, as with Keystone. A service token means nothing.
 */
export function createNoauth(): Identity {
  return {
    identify: ({ token }) => identify(token),
    challenge: 'Noauth realm="novacast"',
    close: async () => {},
  }
}

function identify(token: string | undefined): Identification {
  if (token === undefined) return NO_TOKEN
  const colon = token.indexOf(':')
  const user = colon === -1 ? token : token.slice(0, colon)
  if (user === '') return NO_TOKEN
  const project = (colon === -1 ? '' : token.slice(colon + 1)) || user
  return {
    kind: 'valid',
    caller: {
      userId: user,
      userName: user,
      userDomainId: null,
      projectId: project,
      projectName: project,
      projectDomainId: null,
      domainId: null,
      systemScope: null,
      roles: user === 'admin' ? ADMIN : NONE,
      serviceRoles: NONE,
      isAdminProject: true,
      catalog: NONE,
    },
  }
}

const ADMIN = ['admin']
const NONE: readonly never[] = []
