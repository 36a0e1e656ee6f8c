import type { Config } from './config.ts'
import { OPTIONS } from './options.ts'
import type { Settings } from './settings.ts'

/** Which implementation each part has. */
export type Parts = Pick<Config, 'identity' | 'servers' | 'cast'>

/** What is said, or what follows from the options that are there: a nova.conf as it is makes novacast part of that cloud. */
export function readParts(settings: Settings): Parts {
  const { read } = settings
  const parts: Parts = {
    identity: read(OPTIONS.identity) ?? (hasKeystone(settings) ? 'keystone' : 'noauth'),
    servers: read(OPTIONS.servers) ?? (read(OPTIONS.apiDatabase) === null ? 'registry' : 'nova'),
    cast: read(OPTIONS.cast) ?? (read(OPTIONS.transportUrl) === null ? 'stream' : 'rabbitmq'),
  }
  refuseWhatCannotBe(settings, parts)
  if (parts.servers === 'nova') refuseWhatNobodySaid(settings, parts)
  return parts
}

function hasKeystone({ read, isSet }: Settings): boolean {
  return isSet(OPTIONS.authUrl, read(OPTIONS.authSection) ?? undefined)
}

/**
 * Beside a Nova the embedded defaults are what is left when a nova.conf is not whole (auth_uri for auth_url, a file left out): everybody
 * would be an administrator, or no nova-compute would ever hear of an event. Who means that says so.
 */
function refuseWhatNobodySaid({ read, isSet, where, object }: Settings, { identity, cast }: Parts): void {
  const at = `${where(isSet(OPTIONS.servers) ? OPTIONS.servers : OPTIONS.apiDatabase)}: servers = nova`
  if (identity === 'noauth' && !isSet(OPTIONS.identity))
    object(
      `${at}: expected [${read(OPTIONS.authSection) ?? OPTIONS.authUrl.section}] auth_url, the URL of Keystone, or [novacast] identity = noauth, ` +
        'which lets anyone do anything',
    )
  if (cast === 'stream' && !isSet(OPTIONS.cast))
    object(`${at}: expected [DEFAULT] transport_url, the message bus of nova-computes, or [novacast] cast = rabbitmq or stream`)
}

/** Casts over RabbitMQ carry what Nova's databases say of a server, and a stream's host knows nothing of cells. */
function refuseWhatCannotBe({ isSet, where, object }: Settings, { servers, cast }: Parts): void {
  if (servers === 'registry' && cast === 'rabbitmq') {
    const cause = isSet(OPTIONS.cast) ? OPTIONS.cast : OPTIONS.transportUrl
    object(
      `${where(cause)}: cast = rabbitmq goes with servers = nova alone, because a cast carries what Nova's databases say of a server; ` +
        'set [api_database] connection, or [novacast] cast = stream',
    )
  }
}
