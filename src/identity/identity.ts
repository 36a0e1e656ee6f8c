/** Who sent a request, as its token says. All ids and names are Keystone's; null where the token has none. */
export interface Caller {
  readonly userId: string | null
  readonly userName: string | null
  readonly userDomainId: string | null
  readonly projectId: string | null
  readonly projectName: string | null
  readonly projectDomainId: string | null
  /** Of a domain-scoped token. */
  readonly domainId: string | null
  /** `all` for a system-scoped token. */
  readonly systemScope: string | null
  readonly roles: readonly string[]
  /** Roles of the X-Service-Token, where a valid one came along. */
  readonly serviceRoles: readonly string[]
  readonly isAdminProject: boolean
  /** The token's catalog as Keystone v3 gives it; empty where the service asks for none. */
  readonly catalog: readonly unknown[]
}

/** What came with a request to say who sent it. */
export interface Credentials {
  readonly token: string | undefined
  readonly serviceToken: string | undefined
}

/** What a token turned out to be. `reason` is for the log: never a token, never for the caller. */
export type Identification =
  | { readonly kind: 'valid'; readonly caller: Caller }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string }

/** Answers one question: who is this, with which roles? Two implementations: `noauth/` and `keystone/`. */
export interface Identity {
  /** Never rejects: trouble is an `unavailable`. May answer at once when the token is known. */
  identify(credentials: Credentials): Identification | Promise<Identification>
  /** The `WWW-Authenticate` value of a 401. */
  readonly challenge: string
  /** Releases sockets and timers. */
  close(): Promise<void>
}
