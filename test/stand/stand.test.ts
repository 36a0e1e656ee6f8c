import { request } from 'undici'
import { expect, it } from 'vitest'
import type { IdentityName } from './stand.ts'
import { describeOn, useStand } from './use-stand.ts'

const stand = await useStand('keystone', 'memcached', 'mariadb')

describeOn(stand, 'Keystone', ({ keystone }) => {
  const validate = async (token: string) => {
    const headers = { 'x-auth-token': await keystone.token('novacast'), 'x-subject-token': token }
    const { statusCode, body } = await request(`${keystone.url}/v3/auth/tokens`, { headers })
    return { status: statusCode, body: (await body.json()) as { token?: { roles?: { name: string }[] } } }
  }

  it.each<[IdentityName, string[]]>([
    ['neutron', ['admin', 'manager', 'member', 'reader', 'service']],
    ['serviceonly', ['service']],
    ['admin', ['admin', 'manager', 'member', 'reader']],
    ['system', ['admin', 'manager', 'member', 'reader']],
    ['demo', ['member', 'reader']],
    ['reader', ['reader']],
    ['unscoped', []],
  ])('gives %s a token with the roles %j', async (identity, roles) => {
    const { status, body } = await validate(await keystone.token(identity))
    expect(status).toBe(200)
    const found = body.token?.roles?.map(({ name }) => name) ?? []
    // Keystones from 2023.2 on know the role manager.
    expect(found.sort()).toEqual(roles.filter((role) => role !== 'manager' || found.includes('manager')))
  })

  it('knows a revoked token as such', async () => {
    expect((await validate(await keystone.token('revoked'))).status).toBe(404)
  })
})

describeOn(stand, 'MariaDB', ({ mariadb }) => {
  it('makes databases of their own', async () => {
    const [one, other] = await Promise.all([mariadb.createDatabase(), mariadb.createDatabase()])
    expect(one.name).not.toBe(other.name)
    expect(one.url).toBe(mariadb.url(one.name))
  })
})
