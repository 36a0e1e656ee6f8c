import type { HttpAnswer, KeystoneHttp } from './http.ts'
import { at, parseJson } from './json.ts'
import type { OwnToken, OwnTokens } from './own-token.ts'
import { parseTokenBody, type TokenFacts } from './token-body.ts'
import { KeystoneTrouble } from './trouble.ts'

/** What Keystone says of a token: its facts and its own words, or that it is none. */
export type Validation =
  | { readonly kind: 'valid'; readonly facts: TokenFacts; readonly text: string }
  | { readonly kind: 'invalid'; readonly reason: string }

/** Asks Keystone. Rejects with `KeystoneTrouble` where it cannot say. */
export type Validate = (token: string, allowExpired: boolean) => Promise<Validation>

interface Parts {
  readonly http: KeystoneHttp
  readonly ownTokens: OwnTokens
  readonly includeCatalog: boolean
}

/** Validates by GET /v3/auth/tokens with the service's own token, which is renewed once where Keystone refuses it. */
export function createValidate({ http, ownTokens, includeCatalog }: Parts): Validate {
  const ask = (own: OwnToken, token: string, allowExpired: boolean) => {
    const flags = [...(includeCatalog ? [] : ['nocatalog']), ...(allowExpired ? ['allow_expired=1'] : [])]
    return http.send({
      method: 'GET',
      url: `${own.keystoneUrl}/auth/tokens${flags.length === 0 ? '' : `?${flags.join('&')}`}`,
      headers: {
        accept: 'application/json',
        'x-auth-token': own.id,
        'x-subject-token': token,
        // Without it Keystone says that a restricted token does not exist; with it we can say why it is refused.
        'openstack-identity-access-rules': '1',
      },
    })
  }
  return async (token, allowExpired) => {
    const own = await ownTokens.get()
    const answer = await ask(own, token, allowExpired)
    if (answer.status !== 401) return readValidation(answer, own)
    const renewed = await ownTokens.renew(own)
    return readValidation(await ask(renewed, token, allowExpired), renewed)
  }
}

/** Keystone's words about a token are not passed on: they may repeat it. */
function readValidation(answer: HttpAnswer, { keystoneUrl }: OwnToken): Validation {
  const url = `${keystoneUrl}/auth/tokens`
  switch (answer.status) {
    case 200:
      return readToken(answer.text, url)
    case 404:
      if (!isKeystones404(answer.text)) break
      return { kind: 'invalid', reason: 'Keystone knows no such token, or it has expired or was revoked' }
    case 401:
    case 403:
      throw new KeystoneTrouble(
        `${url} does not let this service validate tokens (${answer.status})`,
        'give the user of [keystone_authtoken] the role service or admin in its project',
      )
  }
  throw new KeystoneTrouble(
    `${url}: expected 200 or 404 from Keystone, got ${answer.status}${answer.status === 404 ? ' from something else' : ''}`,
    'look at what answers there: Keystone, or a proxy before it; [keystone_authtoken] auth_url, region_name and interface say where',
  )
}

function readToken(text: string, url: string): Validation {
  const facts = parseTokenBody(text)
  if (facts === null)
    throw new KeystoneTrouble(
      `${url}: expected a token of Keystone's Identity API v3, got something else`,
      'look at what answers there: Keystone, or a proxy before it',
    )
  if (facts.isRestricted) return { kind: 'invalid', reason: 'an application credential’s access rules restrict the token' }
  return { kind: 'valid', facts, text }
}

/** A proxy that has lost its Keystone says 404 too: that must not make good tokens bad. */
function isKeystones404(text: string): boolean {
  return at(at(parseJson(text), 'error'), 'code') === 404
}
