import { request } from 'undici'
import { onTestFinished } from 'vitest'
import type { KeystoneConfig } from '../../src/config/config.ts'
import type { Caller, Identification, Identity } from '../../src/identity/identity.ts'
import { createKeystone } from '../../src/identity/keystone/keystone.ts'
import { createLog, type Log } from '../../src/observe/log.ts'
import type { Keystone } from '../stand/stand.ts'

type PasswordAuth = Extract<KeystoneConfig['auth'], { kind: 'password' }>

/** A user in the project service whose password is its name. */
export function passwordOf(username: string, change: Partial<PasswordAuth> = {}): PasswordAuth {
  return {
    kind: 'password',
    username,
    userId: null,
    userDomainId: 'default',
    userDomainName: null,
    password: username,
    projectId: null,
    projectName: 'service',
    projectDomainId: 'default',
    projectDomainName: null,
    systemScope: null,
    ...change,
  }
}

/**
 * `[keystone_authtoken]` for the Keystone at that URL. No catalog knows the region, so that auth_url is used for everything: tests put
 * their own doors before Keystone.
 */
export function configFor(url: string, change: Partial<KeystoneConfig> = {}): KeystoneConfig {
  return {
    authUrl: `${url}/v3`,
    wwwAuthenticateUri: `${url}/`,
    regionName: 'RegionOfNobody',
    interface: 'internal',
    cafile: null,
    insecure: false,
    connectTimeoutMs: null,
    retries: 3,
    tokenCacheSeconds: 300,
    memcachedServers: [],
    memcacheSecurityStrategy: 'none',
    memcacheSecretKey: null,
    serviceTokenRoles: ['service'],
    serviceTokenRolesRequired: true,
    includeServiceCatalog: true,
    auth: passwordOf('novacast'),
    ...change,
  }
}

/** Lines of a log, as they are written. */
export interface KeptLog {
  readonly log: Log
  readonly lines: string[]
}

export function keepLog(): KeptLog {
  const lines: string[] = []
  return { log: createLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } }), lines }
}

/** Closed after the test. */
export function openKeystone(config: KeystoneConfig, log: Log = keepLog().log): Identity {
  const identity = createKeystone({ config, log })
  onTestFinished(() => identity.close())
  return identity
}

/** What a token is, asked for without a service token. */
export async function identify(identity: Identity, token: string, serviceToken?: string): Promise<Identification> {
  return identity.identify({ token, serviceToken })
}

/** Whether the answer comes at once. */
export function knowsAtOnce(identity: Identity, token: string): boolean {
  return !(identity.identify({ token, serviceToken: undefined }) instanceof Promise)
}

/** The caller of a token that must be valid. */
export async function callerOf(identity: Identity, token: string, serviceToken?: string): Promise<Caller> {
  const found = await identify(identity, token, serviceToken)
  if (found.kind !== 'valid') throw new Error(`expected a valid token, it is ${found.kind}: ${found.reason}`)
  return found.caller
}

/** An application credential of a user. */
export interface ApplicationCredential {
  readonly id: string
  readonly secret: string
}

/** Makes one of novacast's own, with these properties; gone after the test. */
export async function makeApplicationCredential(keystone: Keystone, properties: object): Promise<ApplicationCredential> {
  const token = await keystone.token('novacast')
  const url = `${keystone.url}/v3/users/${keystone.userIds['novacast']}/application_credentials`
  const headers = { 'x-auth-token': token, 'content-type': 'application/json' }
  const body = JSON.stringify({ application_credential: { name: `test-${crypto.randomUUID()}`, ...properties } })
  const answer = await request(url, { method: 'POST', headers, body })
  const made = (await answer.body.json()) as { application_credential: ApplicationCredential }
  const { id, secret } = made.application_credential
  onTestFinished(async () => {
    await (await request(`${url}/${id}`, { method: 'DELETE', headers })).body.dump()
  })
  return { id, secret }
}

/** A token by an application credential. */
export async function tokenOf(keystone: Keystone, { id, secret }: ApplicationCredential): Promise<string> {
  const answer = await request(`${keystone.url}/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } } }),
  })
  await answer.body.dump()
  return String(answer.headers['x-subject-token'])
}

/** A token of novacast that ends at a second of the near future, and when that is. Keystone is asked three things within that time. */
export async function makeShortToken(keystone: Keystone, seconds: number): Promise<{ token: string; expiresAtMs: number }> {
  const expiresAtMs = Math.ceil(Date.now() / 1000 + seconds) * 1000
  const expires_at = new Date(expiresAtMs).toISOString().replace('Z', '000')
  const credential = await makeApplicationCredential(keystone, { expires_at })
  return { token: await tokenOf(keystone, credential), expiresAtMs }
}

/** By a token of the admin's, at hand where time is short. */
export async function revoke(keystone: Keystone, token: string, admin?: string): Promise<void> {
  const headers = { 'x-auth-token': admin ?? (await keystone.token('admin')), 'x-subject-token': token }
  const answer = await request(`${keystone.url}/v3/auth/tokens`, { method: 'DELETE', headers })
  await answer.body.dump()
  if (answer.statusCode !== 204) throw new Error(`Keystone did not revoke the token: ${answer.statusCode}`)
}

/** Waits until the clock says so. */
export async function sleepUntil(ms: number): Promise<void> {
  while (Date.now() < ms) await new Promise((resolve) => setTimeout(resolve, ms - Date.now()))
}
