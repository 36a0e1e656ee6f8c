import type { KeystoneAuth, KeystoneRef, KeystoneSettings } from './keystone.ts'

/** What `OS_*` variables say: a token, a way to log in, nothing at all, or too little. */
export type OsCredentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'keystone'; readonly settings: KeystoneSettings }
  | { readonly kind: 'none' }
  | { readonly kind: 'incomplete'; readonly message: string }

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads credentials as OpenStack's own clients do: `OS_TOKEN`, or `OS_AUTH_URL` with a user and password (`OS_USERNAME`,
 * `OS_PASSWORD`, `OS_PROJECT_NAME`, `OS_USER_DOMAIN_NAME`, …, `OS_SYSTEM_SCOPE`) or an application credential
 * (`OS_APPLICATION_CREDENTIAL_ID`, `…_SECRET`). Empty variables count as absent. Domains are `default` where nothing says otherwise.
 */
export function readOsEnvironment(environment: Environment): OsCredentials {
  const get = (name: string): string | undefined => environment[`OS_${name}`] || undefined
  const token = get('TOKEN')
  if (token !== undefined) return { kind: 'token', token }
  const authUrl = get('AUTH_URL')
  if (authUrl === undefined) return { kind: 'none' }
  const auth = get('APPLICATION_CREDENTIAL_SECRET') === undefined ? readPassword(get) : readApplicationCredential(get)
  if (typeof auth === 'string') return { kind: 'incomplete', message: `OS_AUTH_URL is set, but ${auth}` }
  const caFile = get('CACERT')
  const insecure = ['1', 'true', 'yes'].includes((get('INSECURE') ?? '').toLowerCase())
  return { kind: 'keystone', settings: { authUrl, auth, tls: { insecure, ...(caFile === undefined ? {} : { caFile }) } } }
}

type Get = (name: string) => string | undefined

/** The reference, or null where neither id nor name is set. */
function readRef(get: Get, kind: 'USER' | 'PROJECT', name: string | undefined): KeystoneRef | null {
  const id = get(`${kind}_ID`)
  if (id !== undefined) return { id }
  return name === undefined ? null : { name, domain: readDomain(get, kind) }
}

function readDomain(get: Get, kind: 'USER' | 'PROJECT'): { readonly id: string } | { readonly name: string } {
  const id = get(`${kind}_DOMAIN_ID`)
  const name = get(`${kind}_DOMAIN_NAME`) ?? get('DEFAULT_DOMAIN_NAME')
  if (id !== undefined) return { id }
  return name === undefined ? { id: get('DEFAULT_DOMAIN') ?? 'default' } : { name }
}

/** The way to log in, or what is missing. */
function readPassword(get: Get): KeystoneAuth | string {
  const user = readRef(get, 'USER', get('USERNAME'))
  if (user === null) return 'neither OS_USERNAME, nor OS_USER_ID, nor OS_APPLICATION_CREDENTIAL_SECRET is'
  const password = get('PASSWORD')
  if (password === undefined) return 'OS_PASSWORD is not'
  return { kind: 'password', user, password, scope: readScope(get) }
}

function readScope(get: Get): Extract<KeystoneAuth, { kind: 'password' }>['scope'] {
  if (get('SYSTEM_SCOPE') !== undefined) return { system: 'all' }
  const project = readRef(get, 'PROJECT', get('PROJECT_NAME') ?? get('TENANT_NAME'))
  if (project !== null) return { project }
  const id = get('DOMAIN_ID')
  const name = get('DOMAIN_NAME')
  if (id !== undefined) return { domain: { id } }
  return name === undefined ? null : { domain: { name } }
}

function readApplicationCredential(get: Get): KeystoneAuth | string {
  const secret = get('APPLICATION_CREDENTIAL_SECRET') ?? ''
  const id = get('APPLICATION_CREDENTIAL_ID')
  if (id !== undefined) return { kind: 'application-credential', credential: { id }, secret }
  const name = get('APPLICATION_CREDENTIAL_NAME')
  const user = readRef(get, 'USER', get('USERNAME'))
  if (name === undefined) return 'neither OS_APPLICATION_CREDENTIAL_ID nor OS_APPLICATION_CREDENTIAL_NAME is'
  if (user === null) return 'an application credential by name needs OS_USERNAME or OS_USER_ID too'
  return { kind: 'application-credential', credential: { name, user }, secret }
}
