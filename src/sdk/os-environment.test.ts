import { describe, expect, it } from 'vitest'
import { readOsEnvironment } from './os-environment.ts'

const password = { OS_AUTH_URL: 'http://keystone/v3', OS_USERNAME: 'neutron', OS_PASSWORD: 'secret' }

function authOf(environment: Record<string, string>) {
  const found = readOsEnvironment(environment)
  return found.kind === 'keystone' ? found.settings.auth : found
}

describe('OS_* variables', () => {
  it('say nothing when there are none, or empty ones', () => {
    expect(readOsEnvironment({})).toEqual({ kind: 'none' })
    expect(readOsEnvironment({ OS_AUTH_URL: '', OS_TOKEN: '', OS_USERNAME: 'x' })).toEqual({ kind: 'none' })
  })

  it('give a token the preference', () => {
    expect(readOsEnvironment({ ...password, OS_TOKEN: 't' })).toEqual({ kind: 'token', token: 't' })
  })

  it('log in with a password, domains being default where nothing says otherwise', () => {
    expect(authOf({ ...password, OS_PROJECT_NAME: 'service' })).toEqual({
      kind: 'password',
      user: { name: 'neutron', domain: { id: 'default' } },
      password: 'secret',
      scope: { project: { name: 'service', domain: { id: 'default' } } },
    })
  })

  it('take domains by name, ids before names, and the older word for a project', () => {
    const environment = {
      ...password,
      OS_TENANT_NAME: 'p',
      OS_USER_DOMAIN_NAME: 'Users',
      OS_PROJECT_DOMAIN_ID: 'd1',
      OS_USER_ID: 'u1',
    }
    expect(authOf(environment)).toMatchObject({ user: { id: 'u1' }, scope: { project: { name: 'p', domain: { id: 'd1' } } } })
    expect(authOf({ ...password, OS_USER_DOMAIN_NAME: 'Users' })).toMatchObject({ user: { domain: { name: 'Users' } } })
  })

  it('scope to the system, a domain, or nothing', () => {
    expect(authOf({ ...password, OS_SYSTEM_SCOPE: 'all', OS_PROJECT_NAME: 'p' })).toMatchObject({ scope: { system: 'all' } })
    expect(authOf({ ...password, OS_DOMAIN_NAME: 'd' })).toMatchObject({ scope: { domain: { name: 'd' } } })
    expect(authOf(password)).toMatchObject({ scope: null })
  })

  it('use an application credential by id, or by name with its user', () => {
    const base = { OS_AUTH_URL: 'http://keystone', OS_APPLICATION_CREDENTIAL_SECRET: 's' }
    expect(authOf({ ...base, OS_APPLICATION_CREDENTIAL_ID: 'c' })).toEqual({
      kind: 'application-credential',
      credential: { id: 'c' },
      secret: 's',
    })
    expect(authOf({ ...base, OS_APPLICATION_CREDENTIAL_NAME: 'n', OS_USER_ID: 'u' })).toMatchObject({
      credential: { name: 'n', user: { id: 'u' } },
    })
  })

  it('trust the certificates they name', () => {
    expect(readOsEnvironment({ ...password, OS_CACERT: '/ca.pem', OS_INSECURE: 'True' })).toMatchObject({
      settings: { tls: { caFile: '/ca.pem', insecure: true } },
    })
  })

  it.each([
    [{ OS_AUTH_URL: 'http://k' }, 'OS_USERNAME'],
    [{ OS_AUTH_URL: 'http://k', OS_USERNAME: 'x' }, 'OS_PASSWORD'],
    [{ OS_AUTH_URL: 'http://k', OS_APPLICATION_CREDENTIAL_SECRET: 's' }, 'OS_APPLICATION_CREDENTIAL_ID'],
    [{ OS_AUTH_URL: 'http://k', OS_APPLICATION_CREDENTIAL_SECRET: 's', OS_APPLICATION_CREDENTIAL_NAME: 'n' }, 'OS_USER_ID'],
  ])('name what is missing in %j', (environment, missing) => {
    const found = readOsEnvironment(environment)
    expect(found.kind === 'incomplete' && found.message).toContain(missing)
  })
})
