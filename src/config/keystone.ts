import type { KeystoneAuth, KeystoneConfig } from './config.ts'
import { OPTIONS, type Option } from './options.ts'
import type { Settings } from './settings.ts'

/** `[keystone_authtoken]`, checked as keystonemiddleware and keystoneauth1 check it. Problems go to the settings. */
export function readKeystone(settings: Settings): KeystoneConfig {
  const { read, isSet, where, object } = settings
  const authSection = read(OPTIONS.authSection) ?? OPTIONS.authUrl.section
  const authUrl = read(OPTIONS.authUrl, authSection)
  if (authUrl === null && !isSet(OPTIONS.authUrl, authSection))
    object(`${where(OPTIONS.identity)}: identity = keystone: expected [${authSection}] auth_url, the URL of Keystone`)
  const strategy = STRATEGIES[read(OPTIONS.memcacheSecurityStrategy)]
  const memcacheSecretKey = read(OPTIONS.memcacheSecretKey)
  if (strategy !== 'none' && memcacheSecretKey === null)
    object(`${where(OPTIONS.memcacheSecurityStrategy)}: expected [keystone_authtoken] memcache_secret_key beside this`)
  return {
    authUrl: authUrl?.replace(/\/+$/, '') ?? '',
    wwwAuthenticateUri: read(OPTIONS.wwwAuthenticateUri) ?? authUrl ?? '',
    regionName: read(OPTIONS.regionName),
    interface: read(OPTIONS.interface).replace(/URL$/, ''),
    cafile: read(OPTIONS.cafile),
    insecure: read(OPTIONS.insecure),
    connectTimeoutMs: read(OPTIONS.connectTimeout),
    retries: read(OPTIONS.retries),
    tokenCacheSeconds: read(OPTIONS.tokenCacheTime),
    memcachedServers: read(OPTIONS.memcachedServers),
    memcacheSecurityStrategy: strategy,
    memcacheSecretKey,
    serviceTokenRoles: read(OPTIONS.serviceTokenRoles),
    serviceTokenRolesRequired: read(OPTIONS.serviceTokenRolesRequired),
    includeServiceCatalog: read(OPTIONS.includeServiceCatalog),
    auth: readAuth(settings, authSection),
  }
}

const STRATEGIES = { None: 'none', MAC: 'mac', ENCRYPT: 'encrypt' } as const

function readAuth(settings: Settings, section: string): KeystoneAuth {
  const from = <T>(option: Option<T>): T => settings.read(option, section)
  const type = from(OPTIONS.authType)
  const require = (isThere: boolean, what: string) => {
    if (!isThere) settings.object(`${settings.where(OPTIONS.authUrl, section)}: expected [${section}] ${what}`)
  }
  // Only the generic plugin knows default domains (keystoneauth1/loading/identity.py BaseGenericLoader).
  const domainId = type === 'password' ? from(OPTIONS.defaultDomainId) : null
  const domainName = type === 'password' ? from(OPTIONS.defaultDomainName) : null
  const withDefault = (id: string | null, name: string | null) =>
    id === null && name === null ? { id: domainId, name: domainName } : { id, name }
  const userDomain = withDefault(from(OPTIONS.userDomainId), from(OPTIONS.userDomainName))
  const user = {
    username: from(OPTIONS.username),
    userId: from(OPTIONS.userId),
    userDomainId: userDomain.id,
    userDomainName: userDomain.name,
  }
  const hasUserDomain = userDomain.id !== null || userDomain.name !== null
  const needsUserDomain = user.userId === null && user.username !== null
  if (type === 'v3applicationcredential') {
    const id = from(OPTIONS.applicationCredentialId)
    const name = from(OPTIONS.applicationCredentialName)
    const secret = from(OPTIONS.applicationCredentialSecret)
    const hasUser = user.userId !== null || user.username !== null
    require(id !== null || (name !== null && hasUser), 'application_credential_id, or application_credential_name and username')
    require(id !== null || !needsUserDomain || hasUserDomain, 'user_domain_name or user_domain_id beside username')
    require(secret !== null, 'application_credential_secret')
    return { kind: 'application-credential', id, name, secret: secret ?? '', ...user }
  }
  const project = { id: from(OPTIONS.projectId), name: from(OPTIONS.projectName) }
  const projectDomain = withDefault(from(OPTIONS.projectDomainId), from(OPTIONS.projectDomainName))
  const systemScope = from(OPTIONS.systemScope)
  const password = from(OPTIONS.password)
  require(user.userId !== null || user.username !== null, 'username or user_id')
  require(!needsUserDomain || hasUserDomain, 'user_domain_name or user_domain_id beside username')
  require(password !== null, 'password')
  require(project.id !== null || project.name !== null || systemScope !== null, 'project_name or project_id')
  require(project.id !== null ||
    project.name === null ||
    projectDomain.id !== null ||
    projectDomain.name !== null, 'project_domain_name or project_domain_id beside project_name')
  return {
    kind: 'password',
    ...user,
    password: password ?? '',
    projectId: project.id,
    projectName: project.name,
    projectDomainId: projectDomain.id,
    projectDomainName: projectDomain.name,
    systemScope,
  }
}
