import type { KeystoneConfig } from '../../config/config.ts'
import { renderAuth } from './auth-body.ts'
import { findKeystone, toV3 } from './endpoint.ts'
import type { HttpAnswer, KeystoneHttp } from './http.ts'
import { at, parseJson, textAt } from './json.ts'
import { parseTokenBody, type TokenFacts } from './token-body.ts'
import { KeystoneTrouble } from './trouble.ts'

/** The service's own token, and where to take it. */
export interface OwnToken {
  readonly id: string
  readonly facts: TokenFacts
  /** Keystone's v3 URL for this service: from the catalog, or auth_url where the catalog has none. */
  readonly keystoneUrl: string
  readonly isFromCatalog: boolean
}

/** Keeps the service's own token. However many ask, Keystone is asked once. All reject with `KeystoneTrouble`. */
export interface OwnTokens {
  /** The token at hand, or a new one shortly before it ends. */
  get(): Promise<OwnToken>
  /** A new one in place of one that was refused. */
  renew(refused: OwnToken): Promise<OwnToken>
}

/** A token is renewed this long before it ends (keystoneauth1's MIN_TOKEN_LIFE_SECONDS), a short one in its last quarter. */
const MARGIN_MS = 120_000

/** After a refusal Keystone is left alone this long: each further try may lock the account. */
const REFUSED_HOLD_MS = 5_000

/** A token this young is not renewed because it was refused: whatever refuses it would refuse the next too. */
const RENEW_HOLD_MS = 1_000

/** What own tokens need to know. */
export type OwnTokenConfig = Pick<KeystoneConfig, 'auth' | 'authUrl' | 'regionName' | 'interface'>

interface Held {
  readonly token: OwnToken
  readonly gotAt: number
  readonly renewAt: number
  readonly endsAt: number
}

/** Times are of the monotonic clock and lives of Keystone's: this works however wrong the clock of this machine is. */
export function createOwnTokens(http: KeystoneHttp, config: OwnTokenConfig): OwnTokens {
  let held: Held | null = null
  let asking: Promise<OwnToken> | null = null
  let refusal: { readonly trouble: KeystoneTrouble; readonly until: number } | null = null

  const ask = async (): Promise<OwnToken> => {
    if (refusal !== null && performance.now() < refusal.until) throw refusal.trouble
    const gotAt = performance.now()
    const answer = await http.send(tokenRequest(config))
    const token = readOwnToken(answer, config)
    if (token instanceof KeystoneTrouble) {
      refusal = { trouble: token, until: performance.now() + REFUSED_HOLD_MS }
      throw token
    }
    const { lifeMs } = token.facts
    held = { token, gotAt, renewAt: gotAt + lifeMs - Math.min(MARGIN_MS, lifeMs / 4), endsAt: gotAt + lifeMs }
    return token
  }
  const askOnce = (): Promise<OwnToken> => {
    asking ??= ask().finally(() => {
      asking = null
    })
    return asking
  }
  return {
    get: async () => {
      if (held !== null && performance.now() < held.renewAt) return held.token
      try {
        return await askOnce()
      } catch (error) {
        if (held !== null && performance.now() < held.endsAt) return held.token
        throw error
      }
    },
    renew: async (refused) => {
      if (held?.token !== refused) return held?.token ?? askOnce()
      if (performance.now() - held.gotAt < RENEW_HOLD_MS)
        throw new KeystoneTrouble(
          `${refused.keystoneUrl} refuses the token that Keystone has just given this service`,
          'look whether all Keystones have the same fernet keys and the same time',
        )
      held = null
      return askOnce()
    },
  }
}

function tokenRequest({ auth, authUrl }: OwnTokenConfig) {
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  return { method: 'POST', url: `${toV3(authUrl)}/auth/tokens`, headers, body: renderAuth(auth) } as const
}

function readOwnToken(answer: HttpAnswer, config: OwnTokenConfig): OwnToken | KeystoneTrouble {
  if (answer.status !== 201) return describeRefusal(answer, config)
  const id = answer.headers['x-subject-token']
  const facts = parseTokenBody(answer.text)
  if (id === undefined || facts === null)
    return new KeystoneTrouble(
      `${toV3(config.authUrl)}: expected a token from Keystone's Identity API v3, got something else`,
      'let [keystone_authtoken] auth_url name Keystone',
    )
  const url = findKeystone(facts.caller.catalog, config)
  return { id, facts, keystoneUrl: toV3(url ?? config.authUrl), isFromCatalog: url !== null }
}

/** Keystone's own words about a refused login hold no secret: it says the same of a wrong name as of a wrong password. */
function describeRefusal({ status, text, headers }: HttpAnswer, { auth, authUrl }: OwnTokenConfig): KeystoneTrouble {
  const url = toV3(authUrl)
  const said = textAt(at(parseJson(text), 'error'), 'message')
  const where = headers['location']
  if (status === 401 || status === 403)
    return new KeystoneTrouble(
      `${url} refuses this service's own credentials (${status}): ${said ?? 'no reason given'}`,
      auth.kind === 'password'
        ? 'set username, password, their domains and the project in [keystone_authtoken]; the user needs a role in that project'
        : 'set application_credential_id and application_credential_secret in [keystone_authtoken]; the credential must not have expired',
    )
  const mend =
    where === undefined ? 'let [keystone_authtoken] auth_url name Keystone' : `let [keystone_authtoken] auth_url be ${where}`
  return new KeystoneTrouble(
    `${url}/auth/tokens: expected 201 and a token, got ${status}${said === null ? '' : `: ${said}`}`,
    mend,
  )
}
