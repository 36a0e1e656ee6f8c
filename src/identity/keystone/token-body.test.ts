import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTokenBody } from './token-body.ts'

const USER = { id: 'u', name: 'neutron', domain: { id: 'default', name: 'Default' } }
const TIMES = { issued_at: '2026-11-25T00:18:52.000000Z', expires_at: '2026-11-25T01:18:52.000000Z' }
const parse = (token: object) => parseTokenBody(JSON.stringify({ token }))

describe('the body of a token', () => {
  it('gives the caller of a project', () => {
    const project = { id: 'p', name: 'service', domain: { id: 'd', name: 'D' } }
    const catalog = [{ type: 'network', endpoints: [] }]
    const roles = [
      { id: '1', name: 'admin' },
      { id: '2', name: 'service' },
    ]
    expect(parse({ ...TIMES, user: USER, project, roles, catalog })?.caller).toEqual({
      userId: 'u',
      userName: 'neutron',
      userDomainId: 'default',
      projectId: 'p',
      projectName: 'service',
      projectDomainId: 'd',
      domainId: null,
      systemScope: null,
      roles: ['admin', 'service'],
      serviceRoles: [],
      isAdminProject: true,
      catalog,
    })
  })

  it('gives the scope of the system and of a domain', () => {
    expect(parse({ ...TIMES, user: USER, system: { all: true } })?.caller).toMatchObject({ systemScope: 'all', projectId: null })
    expect(parse({ ...TIMES, user: USER, domain: { id: 'd' } })?.caller).toMatchObject({ systemScope: null, domainId: 'd' })
  })

  it('gives a caller without roles, project and catalog for an unscoped token', () => {
    expect(parse({ ...TIMES, user: USER })?.caller).toMatchObject({ roles: [], projectId: null, catalog: [] })
  })

  it('says that a project is not the admin project only where Keystone does', () => {
    expect(parse({ ...TIMES, user: USER, is_admin_project: false })?.caller.isAdminProject).toBe(false)
    expect(parse({ ...TIMES, user: USER, is_admin_project: true })?.caller.isAdminProject).toBe(true)
  })

  it('takes a federated user, who has no domain', () => {
    expect(parse({ ...TIMES, user: { id: 'u', name: 'n', 'OS-FEDERATION': {} } })?.caller.userDomainId).toBeNull()
  })

  it.each([
    ['2026-11-25T01:18:52.000000Z', 3600_000],
    ['2026-11-25T00:18:57', 5_000],
    ['2026-11-25T02:18:57+02:00', 5_000],
  ])('takes %s for UTC unless it says otherwise', (expires_at, lifeMs) => {
    expect(parse({ ...TIMES, expires_at, user: USER })).toMatchObject({
      lifeMs,
      expiresAtMs: Date.parse(TIMES.issued_at) + lifeMs,
    })
  })

  it('tells a token that access rules restrict', () => {
    expect(parse({ ...TIMES, user: USER, application_credential: { id: 'a', restricted: true } })?.isRestricted).toBe(false)
    expect(parse({ ...TIMES, user: USER, application_credential: { id: 'a', access_rules: [] } })?.isRestricted).toBe(true)
  })

  it('is null for whatever is not a token, and never throws', () => {
    for (const text of ['', 'x', 'null', '[]', '{}', '{"token": null}', '{"token": {"user": {"id": "u"}}}', '<html>'])
      expect(parseTokenBody(text)).toBeNull()
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, text) => {
        parseTokenBody(json)
        parseTokenBody(`{"token": ${json}}`)
        parseTokenBody(
          `{"token": {"user": {"id": "u"}, "expires_at": "2026-11-25T00:18:57", "roles": ${json}, "project": ${json}}}`,
        )
        parseTokenBody(text)
      }),
    )
  })
})
