import { describe, expect, it } from 'vitest'
import type { Caller } from '../identity.ts'
import { createTokens } from './tokens.ts'
import type { Validate } from './validate.ts'

const caller: Caller = {
  userId: 'u',
  userName: 'neutron',
  userDomainId: null,
  projectId: null,
  projectName: null,
  projectDomainId: null,
  domainId: null,
  systemScope: null,
  roles: [],
  serviceRoles: [],
  isAdminProject: true,
  catalog: [],
}
const silent = { trouble: () => {}, well: () => {}, hush: () => {} }

/** Knows the tokens that begin with `good`. */
function open(bodyLength = 2_000) {
  const asked: string[] = []
  const validate: Validate = async (token) => {
    asked.push(token)
    if (!token.startsWith('good')) return { kind: 'invalid', reason: 'unknown' }
    const facts = { caller, expiresAtMs: Date.now() + 60_000, lifeMs: 60_000, isRestricted: false }
    return { kind: 'valid', facts, text: 'x'.repeat(bodyLength) }
  }
  return { asked, ...createTokens({ validate, recall: null, believeMs: 60_000, troubles: silent }) }
}

describe('what is remembered of tokens', () => {
  it('is not pushed out by a flood of bad ones', async () => {
    const { look, asked } = open()
    await look('good', false)
    for (let n = 0; n < 25_000; n++) await look(`bad-${n}`, false)
    expect(look('good', false)).toMatchObject({ kind: 'valid' })
    expect(look('bad-24999', false)).toMatchObject({ kind: 'invalid' })
    await look('bad-0', false)
    expect(asked).toHaveLength(1 + 25_000 + 1)
  })

  it('is bounded by what Keystone said of them, the longest unused going first', async () => {
    const { look, asked } = open(100_000)
    for (let n = 0; n < 200; n++) await look(`good-${n}`, false)
    expect(look('good-199', false)).toMatchObject({ kind: 'valid' })
    await look('good-0', false)
    expect(asked).toHaveLength(201)
  })

  it('is kept apart for those who may use a token beyond its end', async () => {
    const { look, asked } = open()
    await look('bad', false)
    await look('bad', true)
    expect(asked).toEqual(['bad', 'bad'])
  })
})
