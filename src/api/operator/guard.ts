import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, Identity } from '../../identity/identity.ts'
import type { Log } from '../../observe/log.ts'
import type { Policy } from '../../policy/policy.ts'
import { ApiError } from '../errors.ts'

/** Who says who somebody is, and what they may. */
export interface GuardParts {
  readonly identity: Identity
  readonly policy: Policy
  readonly log: Log
}

/** Lets a request pass that the rule lets pass, and says who sent it. Rejects with 401, 403, or 503 where its token cannot be checked now. */
export type Guard = (headers: IncomingHttpHeaders, rule: string, requestId: string) => Promise<Caller>

/** Makes the guard of all routes that are not open to everybody. */
export function createGuard({ identity, policy, log }: GuardParts): Guard {
  const identify = async (headers: IncomingHttpHeaders, requestId: string): Promise<Caller> => {
    const credentials = { token: header(headers, 'x-auth-token'), serviceToken: header(headers, 'x-service-token') }
    const identification = await identity.identify(credentials)
    switch (identification.kind) {
      case 'valid':
        return identification.caller
      case 'invalid':
        log.info({ requestId, reason: identification.reason }, 'token refused')
        throw new ApiError('unauthorized', 'expected a valid token in the header X-Auth-Token', {
          'www-authenticate': identity.challenge,
        })
      case 'unavailable':
        log.warn({ requestId, reason: identification.reason }, 'a token could not be checked')
        throw new ApiError('serviceUnavailable', 'The token cannot be checked now: the identity service does not answer', {
          'retry-after': '1',
        })
    }
  }
  return async (headers, rule, requestId) => {
    const caller = await identify(headers, requestId)
    if (policy.allows(rule, caller)) return caller
    throw new ApiError('forbidden', `Policy doesn't allow ${rule} to be performed.`)
  }
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
