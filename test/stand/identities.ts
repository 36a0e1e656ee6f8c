import { request } from 'undici'
import type { KeystoneInfo } from './services/keystone.ts'
import type { IdentityName, Keystone } from './stand.ts'

/** Whose password and which scope give an identity's token. */
const IDENTITIES: Readonly<Record<IdentityName, { readonly user: string; readonly project: string | null }>> = {
  neutron: { user: 'neutron', project: 'service' },
  cinder: { user: 'cinder', project: 'service' },
  ironic: { user: 'ironic', project: 'service' },
  cyborg: { user: 'cyborg', project: 'service' },
  nova: { user: 'nova', project: 'service' },
  novacast: { user: 'novacast', project: 'service' },
  serviceonly: { user: 'serviceonly', project: 'service' },
  admin: { user: 'admin', project: 'admin' },
  system: { user: 'admin', project: null },
  demo: { user: 'demo', project: 'demo' },
  reader: { user: 'reader', project: 'demo' },
  unscoped: { user: 'neutron', project: null },
  revoked: { user: 'cinder', project: 'service' },
}

const DEFAULT_DOMAIN = { id: 'default' } as const

/** Keystone as suites see it. */
export function toKeystone(info: KeystoneInfo): Keystone {
  return {
    ...info,
    admin: { username: 'admin', password: 'admin', projectName: 'admin' },
    token: async (identity) => {
      const token = await issue(info.url, identity)
      if (identity === 'revoked') await revoke(info.url, token)
      return token
    },
    authtoken: (user = 'novacast') => renderAuthtoken(info, user),
    environment: (user, project) => ({
      OS_AUTH_URL: `${info.url}/v3`,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: IDENTITIES[user].user,
      OS_PASSWORD: IDENTITIES[user].user,
      OS_PROJECT_NAME: project,
      OS_USER_DOMAIN_ID: 'default',
      OS_PROJECT_DOMAIN_ID: 'default',
      OS_REGION_NAME: info.region,
    }),
    addEndpoint: (endpoint) => addEndpoint(info.url, endpoint),
  }
}

function scopeOf(identity: IdentityName): object | string {
  if (identity === 'system') return { system: { all: true } }
  const { project } = IDENTITIES[identity]
  return project === null ? 'unscoped' : { project: { name: project, domain: DEFAULT_DOMAIN } }
}

async function issue(url: string, identity: IdentityName): Promise<string> {
  const { user } = IDENTITIES[identity]
  const password = { user: { name: user, password: user, domain: DEFAULT_DOMAIN } }
  const { headers } = await send(url, {
    method: 'POST',
    path: '/auth/tokens',
    body: { auth: { identity: { methods: ['password'], password }, scope: scopeOf(identity) } },
  })
  return String(headers['x-subject-token'])
}

async function revoke(url: string, token: string): Promise<void> {
  await send(url, { method: 'DELETE', path: '/auth/tokens', token, headers: { 'x-subject-token': token } })
}

/** One request to Keystone; rejects with what it said unless it succeeds. */
async function send(
  url: string,
  asked: {
    readonly method: 'POST' | 'DELETE' | 'PUT'
    readonly path: string
    readonly token?: string
    readonly headers?: Record<string, string>
    readonly body?: unknown
    readonly alsoFine?: number
  },
) {
  const response = await request(`${url}/v3${asked.path}`, {
    method: asked.method,
    headers: {
      'content-type': 'application/json',
      ...(asked.token === undefined ? {} : { 'x-auth-token': asked.token }),
      ...asked.headers,
    },
    body: asked.body === undefined ? null : JSON.stringify(asked.body),
  })
  const text = await response.body.text()
  if (response.statusCode >= 300 && response.statusCode !== asked.alsoFine)
    throw new Error(`Keystone answered ${asked.method} ${asked.path} with ${response.statusCode}: ${text}`)
  return { headers: response.headers, body: text === '' ? null : (JSON.parse(text) as unknown) }
}

async function addEndpoint(url: string, endpoint: Parameters<Keystone['addEndpoint']>[0]): Promise<void> {
  const token = await issue(url, 'admin')
  const post = async (path: string, body: unknown) => (await send(url, { method: 'POST', path, token, body })).body
  await send(url, { method: 'POST', path: '/regions', token, body: { region: { id: endpoint.region } }, alsoFine: 409 })
  const { service } = (await post('/services', { service: { name: endpoint.service, type: endpoint.type } })) as {
    service: { id: string }
  }
  for (const kind of ['public', 'internal', 'admin'])
    await post('/endpoints', {
      endpoint: { interface: kind, region_id: endpoint.region, url: endpoint.url, service_id: service.id },
    })
}

function renderAuthtoken({ url, region }: KeystoneInfo, user: IdentityName): string {
  return `[keystone_authtoken]
auth_type = password
auth_url = ${url}/v3
www_authenticate_uri = ${url}/
region_name = ${region}
project_domain_id = default
user_domain_id = default
project_name = service
username = ${user}
password = ${user}
service_token_roles_required = true
`
}
