import type { KeystoneAuth } from '../../config/config.ts'

/** The body of POST /v3/auth/tokens for the service's own token. Source: Keystone's Identity API v3, keystoneauth1/identity/v3. */
export function renderAuth(auth: KeystoneAuth): string {
  return JSON.stringify({ auth: auth.kind === 'password' ? renderPassword(auth) : renderApplicationCredential(auth) })
}

type Password = Extract<KeystoneAuth, { kind: 'password' }>
type ApplicationCredential = Extract<KeystoneAuth, { kind: 'application-credential' }>

function renderPassword(auth: Password): object {
  return {
    identity: { methods: ['password'], password: { user: { ...renderUser(auth), password: auth.password } } },
    scope: renderScope(auth),
  }
}

function renderScope(auth: Password): object | undefined {
  if (auth.projectId !== null) return { project: { id: auth.projectId } }
  if (auth.projectName !== null)
    return { project: { name: auth.projectName, domain: renderDomain(auth.projectDomainId, auth.projectDomainName) } }
  return auth.systemScope === null ? undefined : { system: { [auth.systemScope]: true } }
}

/** An application credential brings its project along: a scope beside it would be refused. */
function renderApplicationCredential(auth: ApplicationCredential): object {
  const credential = auth.id === null ? { name: auth.name, user: renderUser(auth) } : { id: auth.id }
  return {
    identity: {
      methods: ['application_credential'],
      application_credential: { ...credential, secret: auth.secret },
    },
  }
}

function renderUser({ userId, username, userDomainId, userDomainName }: Password | ApplicationCredential): object {
  return userId === null ? { name: username, domain: renderDomain(userDomainId, userDomainName) } : { id: userId }
}

function renderDomain(id: string | null, name: string | null): object {
  return id === null ? { name } : { id }
}
