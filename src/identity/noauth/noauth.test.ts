import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNoauth } from './noauth.ts'

const { identify } = createNoauth()

/** Lone surrogates and all. */
const utf16 = fc.uint16Array().map((codes) => String.fromCharCode(...codes))

function callerOf(token: string) {
  const found = identify({ token, serviceToken: undefined })
  if (found instanceof Promise) throw new Error('expected an answer at once')
  return found.kind === 'valid' ? found.caller : null
}

describe('without Keystone', () => {
  it.each([
    ['admin:admin', 'admin', 'admin', ['admin']],
    ['admin', 'admin', 'admin', ['admin']],
    ['admin:demo', 'admin', 'demo', ['admin']],
    ['demo:admin', 'demo', 'admin', []],
    ['demo', 'demo', 'demo', []],
    ['demo:', 'demo', 'demo', []],
    ['demo:a:b', 'demo', 'a:b', []],
    ['Admin:x', 'Admin', 'x', []],
  ])('%s is the user %s in the project %s with the roles %j', (token, userId, projectId, roles) => {
    expect(callerOf(token)).toMatchObject({
      userId,
      userName: userId,
      projectId,
      projectName: projectId,
      roles,
      serviceRoles: [],
    })
  })

  it.each([undefined, '', ':project'])('%j is nobody', (token) => {
    expect(identify({ token, serviceToken: undefined })).toMatchObject({ kind: 'invalid' })
  })

  it('takes whatever text comes as a token, and makes an administrator of none but admin', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          utf16,
          utf16.map((text) => `admin${text}`),
        ),
        (token) => {
          const caller = callerOf(token)
          expect(caller?.roles.includes('admin') ?? false).toBe(token.split(':')[0] === 'admin')
        },
      ),
    )
  })
})
