import type { TokenProvider } from './auth.ts'
import { ProtocolError } from './errors.ts'
import { createHttp, type HttpRequest, type TlsOptions, toApiError } from './http.ts'
import { field, record, text } from './shape.ts'

/** A name with the domain it is unique in, or an id. */
export type KeystoneRef =
  | { readonly id: string }
  | { readonly name: string; readonly domain: { readonly id: string } | { readonly name: string } }

/** Who to be, and for what. */
export type KeystoneAuth =
  | {
      readonly kind: 'password'
      readonly user: KeystoneRef
      readonly password: string
      readonly scope:
        | { readonly project: KeystoneRef }
        | { readonly domain: { readonly id: string } | { readonly name: string } }
        | { readonly system: 'all' }
        | null
    }
  /** An application credential has its project within; by name it needs its user. */
  | {
      readonly kind: 'application-credential'
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: KeystoneRef }
      readonly secret: string
    }

/** Where Keystone is and how to log in. */
export interface KeystoneSettings {
  /** With or without `/v3`. */
  readonly authUrl: string
  readonly auth: KeystoneAuth
  readonly tls?: TlsOptions
}

/** A token is renewed this long before it ends, so that it does not end on the way. */
const MARGIN_MS = 30_000

const issued = field('token', record<{ expires_at: string }>({ expires_at: text }))

interface Issued {
  readonly token: string
  readonly expiresAtMs: number
}

/**
 * Tokens of Keystone's v3 API, asked for when first needed, kept until shortly before they end, asked for again when one is
 * refused. However many requests wait, Keystone is asked once. Rejects with `ApiError` or `ConnectionError`.
 */
export function keystoneToken(settings: KeystoneSettings): TokenProvider {
  const http = createHttp(settings.authUrl.replace(/\/+$/, '').replace(/\/v3$/, ''), settings.tls)
  let current: Issued | null = null
  let asking: Promise<Issued> | null = null

  const ask = async (): Promise<Issued> => {
    const request: HttpRequest = {
      method: 'POST',
      path: '/v3/auth/tokens',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth: renderAuth(settings.auth) }),
    }
    const answer = await http.send(request)
    const body = await http.read(request, answer)
    if (answer.statusCode >= 400) throw toApiError(http.describe(request), answer, body)
    const token = answer.headers['x-subject-token']
    if (typeof token !== 'string') throw new ProtocolError(`${http.describe(request)}: no X-Subject-Token. Is this Keystone?`)
    return { token, expiresAtMs: Date.parse(issued(body, 'answer').expires_at) }
  }

  return {
    token: async (refused) => {
      if (current !== null && current.token !== refused && Date.now() < current.expiresAtMs - MARGIN_MS) return current.token
      asking ??= ask().finally(() => {
        asking = null
      })
      current = await asking
      return current.token
    },
    close: () => http.close(),
  }
}

function renderAuth(auth: KeystoneAuth): object {
  switch (auth.kind) {
    case 'password': {
      const identity = { methods: ['password'], password: { user: { ...auth.user, password: auth.password } } }
      return auth.scope === null ? { identity } : { identity, scope: renderScope(auth.scope) }
    }
    case 'application-credential': {
      const credential = { ...auth.credential, secret: auth.secret }
      return { identity: { methods: ['application_credential'], application_credential: credential } }
    }
  }
}

function renderScope(scope: NonNullable<Extract<KeystoneAuth, { kind: 'password' }>['scope']>): object {
  return 'system' in scope ? { system: { all: true } } : scope
}
