import type { KeystoneConfig } from '../../config/config.ts'
import type { Log } from '../../observe/log.ts'
import type { Credentials, Identification, Identity } from '../identity.ts'
import { createHttp } from './http.ts'
import { createMemcached } from './memcached.ts'
import { createOwnTokens } from './own-token.ts'
import { createRecall } from './recall.ts'
import { createSeal } from './seal.ts'
import { createTokens, type Tokens } from './tokens.ts'
import { createTroubleLog } from './trouble.ts'
import { createValidate } from './validate.ts'

interface Parts {
  readonly config: KeystoneConfig
  readonly log: Log
}

/**
 * Asks Keystone who a token is of, as keystonemiddleware's auth_token does, and remembers it. A remembered token is answered at
 * once, and goes on while Keystone is down; others are `unavailable` then, never invalid. Throws where cafile or memcached_servers
 * cannot be used.
 */
export function createKeystone({ config, log }: Parts): Identity {
  const http = createHttp(config)
  const believeMs = Math.max(0, config.tokenCacheSeconds) * 1000
  const shared =
    believeMs > 0 && config.memcachedServers.length > 0 ? createMemcached({ servers: config.memcachedServers, log }) : null
  const troubles = createTroubleLog(log, 'Keystone', 'error')
  const tokens = createTokens({
    validate: createValidate({ http, ownTokens: createOwnTokens(http, config), includeCatalog: config.includeServiceCatalog }),
    recall: shared === null ? null : createRecall({ shared, seal: createSeal(config), believeMs }),
    believeMs,
    troubles,
  })
  return {
    identify: createIdentify(tokens, config, log),
    challenge: `Keystone uri="${config.wwwAuthenticateUri}"`,
    close: async () => {
      troubles.hush()
      await Promise.all([http.close(), shared?.close()])
    },
  }
}

const NO_TOKEN: Identification = { kind: 'invalid', reason: 'no X-Auth-Token' }
const NO_SERVICE: Identification = {
  kind: 'invalid',
  reason: 'the X-Service-Token has none of [keystone_authtoken] service_token_roles',
}

type ServiceTokenRules = Pick<KeystoneConfig, 'serviceTokenRoles' | 'serviceTokenRolesRequired'>

/**
 * The rules of keystonemiddleware's BaseAuthProtocol.process_request: a service token that is invalid spoils the request; one with
 * a service role makes the user's token good beyond its expiry; one without is refused only where roles are required. An empty
 * header is none.
 */
function createIdentify(tokens: Tokens, rules: ServiceTokenRules, log: Log): Identity['identify'] {
  let isWarned = false
  const warn = () => {
    if (isWarned) return
    isWarned = true
    log.warn(
      { expected: rules.serviceTokenRoles },
      'a service token came without a service role; it is taken, for [keystone_authtoken] service_token_roles_required is false',
    )
  }
  return ({ token, serviceToken }: Credentials) => {
    if (!token) return NO_TOKEN
    if (!serviceToken) return tokens.look(token, false)
    return after(tokens.look(serviceToken, false), (service) => {
      if (service.kind === 'invalid') return { kind: 'invalid', reason: `X-Service-Token: ${service.reason}` }
      if (service.kind === 'unavailable') return service
      const serviceRoles = service.caller.roles
      const isTrusted = rules.serviceTokenRoles.some((role) => serviceRoles.includes(role))
      if (!isTrusted && rules.serviceTokenRolesRequired) return NO_SERVICE
      if (!isTrusted) warn()
      return after(tokens.look(token, isTrusted), (user) =>
        user.kind === 'valid' ? { kind: 'valid', caller: { ...user.caller, serviceRoles } } : user,
      )
    })
  }
}

type Answer = Identification | Promise<Identification>

/** At once where the answer is there. */
function after(answer: Answer, next: (answer: Identification) => Answer): Answer {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}
