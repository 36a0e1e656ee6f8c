import type { KeystoneConfig } from '../../config/config.ts'
import type { CheckLine } from '../../observe/check-line.ts'
import { toV3 } from './endpoint.ts'
import { createHttp, type KeystoneHttp } from './http.ts'
import { at, parseJson, textAt } from './json.ts'
import { askMemcachedVersion, parseMemcachedServer } from './memcached.ts'
import { createOwnTokens, type OwnToken } from './own-token.ts'
import { KeystoneTrouble } from './trouble.ts'
import { createValidate, type Validate } from './validate.ts'

/**
 * Whether tokens can be validated as configured: Keystone is reached, takes the service's own credentials, lets it validate, has the
 * same time; every memcached answers. Never throws and never shows a secret.
 */
export async function checkKeystone(config: KeystoneConfig): Promise<readonly CheckLine[]> {
  const [keystone, memcached] = await Promise.all([
    checkService(config),
    Promise.all(config.memcachedServers.map((server) => checkMemcached(server))),
  ])
  return [...keystone, ...memcached]
}

async function checkService(config: KeystoneConfig): Promise<readonly CheckLine[]> {
  let http: KeystoneHttp
  try {
    // Tried once: who asks wants to know how it is now.
    http = createHttp({ ...config, retries: 0 })
  } catch (error) {
    return [failed('keystone', error)]
  }
  try {
    return await walk(http, config)
  } finally {
    await http.close()
  }
}

/** Each step needs the one before. */
async function walk(http: KeystoneHttp, config: KeystoneConfig): Promise<readonly CheckLine[]> {
  const ownTokens = createOwnTokens(http, config)
  const lines: CheckLine[] = []
  let name = 'keystone'
  try {
    lines.push(await checkVersion(http, config))
    name = 'keystone credentials'
    const own = await ownTokens.get()
    lines.push(describeCredentials(name, own), checkClock(own, Date.now()))
    name = 'keystone validation'
    lines.push(await checkValidation(name, createValidate({ http, ownTokens, includeCatalog: false }), own))
  } catch (error) {
    lines.push(failed(name, error))
  }
  return lines
}

async function checkVersion(http: KeystoneHttp, { authUrl }: KeystoneConfig): Promise<CheckLine> {
  const url = toV3(authUrl)
  const start = performance.now()
  const answer = await http.send({ method: 'GET', url, headers: { accept: 'application/json' } })
  const version = textAt(at(parseJson(answer.text), 'version'), 'id')
  if (answer.status !== 200 || version === null)
    throw new KeystoneTrouble(
      `${url}: expected the description of Keystone's Identity API v3, got ${answer.status} and something else`,
      'let [keystone_authtoken] auth_url name Keystone',
    )
  return fine('keystone', `${url}: Identity API ${version}, answered in ${Math.round(performance.now() - start)} ms`)
}

function describeCredentials(name: string, { facts: { caller } }: OwnToken): CheckLine {
  const scope = caller.projectName ?? caller.projectId ?? (caller.systemScope === null ? 'no project' : 'the system')
  return fine(name, `accepted: user ${caller.userName}, ${scope}, roles ${caller.roles.join(', ') || 'none'}`)
}

/** A skew of this much is no longer a matter of rounding or of the way. */
const MAX_SKEW_MS = 5_000

/**
 * Tokens end by this machine's clock, and begin by Keystone's: the time it put into our own. (Its Date header, where it sends one, may
 * be that of a proxy.)
 */
function checkClock({ facts }: OwnToken, hereMs: number): CheckLine {
  const name = 'keystone clock'
  const skewMs = hereMs - (facts.expiresAtMs - facts.lifeMs)
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return fine(name, 'this machine and Keystone have the same time')
  return {
    name,
    ok: false,
    detail: `this machine is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} Keystone: tokens end that much too ${skewMs > 0 ? 'early' : 'late'}`,
    mend: 'set both clocks by NTP',
  }
}

/** Everybody may validate a token of their own, so that this proves the way; the right to validate others' follows from the roles. */
async function checkValidation(name: string, validate: Validate, own: OwnToken): Promise<CheckLine> {
  const validation = await validate(own.id, false)
  if (validation.kind === 'invalid')
    return {
      name,
      ok: false,
      detail: `${own.keystoneUrl} does not know the token that auth_url gave: ${validation.reason}`,
      mend: 'look whether auth_url and the catalog (region_name, interface) name the same Keystone',
    }
  const { roles, systemScope } = own.facts.caller
  const where = `${own.keystoneUrl} (${own.isFromCatalog ? 'from the catalog' : 'auth_url: the catalog names none for this region_name and interface'})`
  if (roles.includes('service') || roles.includes('admin') || (systemScope !== null && roles.includes('reader')))
    return fine(name, `its own token validated at ${where}`)
  return {
    name,
    ok: false,
    detail: `with the roles ${roles.join(', ') || 'none'} Keystone's default policy lets it validate no token but its own`,
    mend: 'give the user of [keystone_authtoken] the role service or admin in its project',
  }
}

async function checkMemcached(server: string): Promise<CheckLine> {
  const name = `memcached ${server}`
  const address = parseMemcachedServer(server)
  if (address === null)
    return { name, ok: false, detail: 'expected host:port', mend: 'set [keystone_authtoken] memcached_servers' }
  try {
    const start = performance.now()
    const version = await askMemcachedVersion(address)
    return fine(name, `${version.replace(/^VERSION /, 'version ')}, answered in ${(performance.now() - start).toFixed(1)} ms`)
  } catch (error) {
    const mend =
      'start it, or take it out of [keystone_authtoken] memcached_servers; without it replicas do not share what they know of tokens'
    return { name, ok: false, detail: messageOf(error), mend }
  }
}

function fine(name: string, detail: string): CheckLine {
  return { name, ok: true, detail, mend: null }
}

function failed(name: string, error: unknown): CheckLine {
  const mend = error instanceof KeystoneTrouble ? error.mend : 'set it in [keystone_authtoken]'
  return { name, ok: false, detail: messageOf(error), mend }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
