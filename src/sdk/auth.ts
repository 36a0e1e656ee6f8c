/** Where the `X-Auth-Token` of a request comes from. */
export interface TokenProvider {
  /**
   * A token to send. `refused` is one that the service just answered 401 to: give another if there is one, or the same again when
   * there is none (the request then fails with that 401).
   */
  token(refused?: string): Promise<string>
  /** Releases sockets. */
  close(): Promise<void>
}

/** Always the same token: `user:project` for a novacast with `identity = noauth`, or one that Keystone gave. */
export function staticToken(token: string): TokenProvider {
  return { token: async () => token, close: async () => {} }
}
