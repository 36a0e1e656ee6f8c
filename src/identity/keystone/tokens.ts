import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Identification } from '../identity.ts'
import type { Recall } from './recall.ts'
import type { TokenFacts } from './token-body.ts'
import { KeystoneTrouble, type TroubleLog } from './trouble.ts'
import type { Validate } from './validate.ts'

/** Looks tokens up: what is remembered, at once; else what replicas share, else what Keystone says. */
export interface Tokens {
  /** With `allowExpired` a token is good beyond its expiry, for as long as Keystone allows. Never rejects. */
  look(token: string, allowExpired: boolean): Identification | Promise<Identification>
}

interface Parts {
  readonly validate: Validate
  /** What replicas share; null where they share nothing. */
  readonly recall: Recall | null
  /** How long what Keystone said of a token is believed; 0: not at all. */
  readonly believeMs: number
  readonly troubles: TroubleLog
}

/** A token that Keystone knows, as this process remembers it. */
interface Known {
  readonly answer: Identification
  readonly expiresAtMs: number
}

/** By the size of what Keystone said, mostly catalog: some 3000 tokens of a small cloud, some 150 of a large one. Parsed, it takes a few times that. */
const MAX_REMEMBERED_BYTES = 8 * 2 ** 20
const MAX_REMEMBERED = 10_000

/** A token that Keystone does not know may be one that it is about to: refusals are believed for a short time. */
const REFUSED_MS = 10_000
const MAX_REFUSED = 10_000

/** Tokens being asked about at a time; more are turned away rather than queued up before Keystone. */
const MAX_WAITING = 1_000

/** The size of header that web servers before Keystone take (Apache's LimitRequestFieldSize is 8190). */
const MAX_TOKEN_LENGTH = 8_000

/** Printable ASCII and Latin-1, which is what a header can carry. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/

const NOT_A_TOKEN: Identification = {
  kind: 'invalid',
  reason: 'the token is empty, too long, or has characters that no token has',
}
const EXPIRED: Identification = { kind: 'invalid', reason: 'the token has expired' }
const BUSY: Identification = { kind: 'unavailable', reason: `${MAX_WAITING} new tokens wait for Keystone already` }

/**
 * Remembers by hash, so that memory holds no token and a long one costs no more, and apart for good and bad ones, so that a flood of
 * bad ones cannot push out the good. A remembered answer takes 0.6 µs, two thirds of it the hash; 1.5 µs with a service token (Node
 * 24, 183 characters, a new string each time).
 */
export function createTokens({ validate, recall, believeMs, troubles }: Parts): Tokens {
  const known = new LRUCache<string, Known>({ max: MAX_REMEMBERED, maxSize: MAX_REMEMBERED_BYTES, ttl: 1, ttlAutopurge: false })
  const refused = new LRUCache<string, Identification>({ max: MAX_REFUSED, ttl: 1 })
  const flights = new Map<string, Promise<Identification>>()

  const remember = (key: string, facts: TokenFacts, size: number, ttl: number): Known => {
    const found: Known = { answer: { kind: 'valid', caller: facts.caller }, expiresAtMs: facts.expiresAtMs }
    if (ttl > 0) known.set(key, found, { ttl, size })
    return found
  }

  const ask = async (key: string, token: string, allowExpired: boolean): Promise<Identification> => {
    const shared = (await recall?.get(token)) ?? null
    if (shared !== null) return judge(remember(key, shared.facts, shared.size, shared.believeMs), allowExpired)
    const said = await validate(token, allowExpired)
    troubles.well()
    if (said.kind === 'invalid') {
      if (believeMs > 0) refused.set(flightKey(key, allowExpired), said, { ttl: Math.min(REFUSED_MS, believeMs) })
      return said
    }
    recall?.put(token, said.text)
    return judge(remember(key, said.facts, said.text.length, believeMs), allowExpired)
  }

  /** One question at a time about a token: whoever asks meanwhile gets the same answer. */
  const askOnce = (key: string, token: string, allowExpired: boolean): Identification | Promise<Identification> => {
    const flight = flightKey(key, allowExpired)
    const underWay = flights.get(flight)
    if (underWay !== undefined) return underWay
    if (flights.size >= MAX_WAITING) return BUSY
    const asking = ask(key, token, allowExpired)
      .catch((error: unknown) => toUnavailable(error, troubles))
      .finally(() => flights.delete(flight))
    flights.set(flight, asking)
    return asking
  }

  return {
    look: (raw, allowExpired) => {
      const token = raw.trim()
      const key = hash('sha256', token, 'base64url')
      const remembered = known.get(key)
      if (remembered !== undefined) return judge(remembered, allowExpired)
      if (token.length > MAX_TOKEN_LENGTH || !HEADER_VALUE.test(token)) return NOT_A_TOKEN
      return refused.get(flightKey(key, allowExpired)) ?? askOnce(key, token, allowExpired)
    },
  }
}

/** A token that is refused may still be good for one who may use it beyond its expiry. */
function flightKey(key: string, allowExpired: boolean): string {
  return allowExpired ? `${key}+` : key
}

function judge({ answer, expiresAtMs }: Known, allowExpired: boolean): Identification {
  return allowExpired || Date.now() < expiresAtMs ? answer : EXPIRED
}

function toUnavailable(error: unknown, troubles: TroubleLog): Identification {
  const reason = error instanceof Error ? error.message : String(error)
  troubles.trouble(reason, error instanceof KeystoneTrouble ? error.mend : 'this is a bug in novacast: please report it')
  return { kind: 'unavailable', reason }
}
