import { createNode, type MemcacheNode } from 'memcache'
import type { Log } from '../../observe/log.ts'
import { createTroubleLog, type TroubleLog } from './trouble.ts'

/** A cache that replicas share; keys are those of a seal. Neither method rejects: where it cannot be had, nothing is found. */
export interface SharedCache {
  get(key: string): Promise<string | null>
  set(key: string, text: string, seconds: number): Promise<void>
  close(): Promise<void>
}

interface Parts {
  /** `host:port` each. Throws on what cannot be read as such. */
  readonly servers: readonly string[]
  readonly log: Log
  /** How long a server that failed is left alone. */
  readonly retryMs?: number
}

/** Where a memcached listens. */
export interface MemcachedAddress {
  readonly host: string
  readonly port: number
}

/** A request waits this long at most before it asks Keystone instead. */
const PATIENCE_MS = 500

const RETRY_MS = 30_000

/** A connection that nobody uses is closed. keystonemiddleware's memcache_pool_unused_timeout. */
const IDLE_MS = 60_000

/** Beyond this memcached refuses a value (its -I), and beyond this number of seconds it takes them for a date. */
const MAX_VALUE_BYTES = 1_000_000
const MAX_SECONDS = 2_592_000

/** Every key has its server. One that is down is left out for a while; the others go on. */
export function createMemcached({ servers, log, retryMs = RETRY_MS }: Parts): SharedCache {
  const links = servers.map((server) => createLink(server, createTroubleLog(log, `memcached ${server}`, 'warn'), retryMs))
  const linkOf = (key: string) => links[Buffer.from(key).readUInt32BE(0) % links.length] as Link
  return {
    get: async (key) => {
      const found = await linkOf(key).command(`get ${PREFIX}${key}`, { isMultiline: true, requestedKeys: [PREFIX + key] })
      return readValue(found, PREFIX + key)
    },
    set: async (key, text, seconds) => {
      const bytes = Buffer.byteLength(text)
      if (bytes > MAX_VALUE_BYTES) return
      await linkOf(key).command(`set ${PREFIX}${key} 0 ${Math.min(seconds, MAX_SECONDS)} ${bytes}\r\n${text}`)
    },
    close: async () => {
      await Promise.all(links.map((link) => link.close()))
    },
  }
}

const PREFIX = 'novacast/token/'

/** `host`, `host:port` or `[v6]:port`, with or without `inet:` or `inet6:` before it; null for anything else. */
export function parseMemcachedServer(server: string): MemcachedAddress | null {
  const match = /^(?:inet6?:)?(?:\[([\da-fA-F:.]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(server)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? 11211)
  return host === undefined || port === 0 || port > 65535 ? null : { host, port }
}

/** The version a memcached says it has. Rejects where it does not answer in time. */
export async function askMemcachedVersion({ host, port }: MemcachedAddress): Promise<string> {
  const node = await connect(host, port)
  try {
    return String(await inTime(node.command('version')))
  } finally {
    await node.disconnect()
  }
}

interface Link {
  /** What the server answers, or null where it does not. */
  command(text: string, options?: Parameters<MemcacheNode['command']>[1]): Promise<unknown>
  close(): Promise<void>
}

/**
 * One server: not connected -> connecting -> connected -> (failed or idle) not connected. A node of the client lives as long as its
 * connection: what a broken one has half read cannot mix with what the next one says.
 */
function createLink(server: string, troubles: TroubleLog, retryMs: number): Link {
  const address = parseMemcachedServer(server)
  if (address === null) throw new Error(`[keystone_authtoken] memcached_servers: expected host:port, got "${server}"`)
  let node: Promise<MemcacheNode> | null = null
  let restUntil = 0

  const open = () => {
    const opening = connect(address.host, address.port, () => {
      if (node === opening) node = null
    })
    return opening
  }
  const drop = async () => {
    const dropped = node
    node = null
    await dropped?.then((each) => each.disconnect()).catch(() => {})
  }
  return {
    command: async (text, options) => {
      if (performance.now() < restUntil) return null
      try {
        node ??= open()
        const answer = await inTime((await node).command(text, options))
        troubles.well()
        return answer
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('SERVER_ERROR')) return null
        restUntil = performance.now() + retryMs
        void drop()
        const reason = error instanceof Error ? error.message : String(error)
        troubles.trouble(reason, `tokens are not shared there; tried again every ${retryMs / 1000} s`)
        return null
      }
    },
    close: async () => {
      troubles.hush()
      await drop()
    },
  }
}

async function connect(host: string, port: number, onClose = () => {}): Promise<MemcacheNode> {
  const node = createNode(host, port, { timeout: IDLE_MS })
  node.on('close', onClose)
  try {
    await inTime(node.connect())
    return node
  } catch (error) {
    await node.disconnect()
    throw error
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function readValue(found: unknown, key: string): string | null {
  if (typeof found !== 'object' || found === null || !('values' in found) || !('foundKeys' in found)) return null
  const { values, foundKeys } = found
  if (!Array.isArray(values) || !Array.isArray(foundKeys) || foundKeys[0] !== key) return null
  const value: unknown = values[0]
  return typeof value === 'string' ? value : null
}
