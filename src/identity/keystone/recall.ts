import type { SharedCache } from './memcached.ts'
import type { Seal } from './seal.ts'
import { parseTokenBody, type TokenFacts } from './token-body.ts'

/** What a replica has learnt of a token. */
export interface Recalled {
  readonly facts: TokenFacts
  readonly size: number
  /** How much longer it is to be believed. */
  readonly believeMs: number
}

/** What replicas tell each other of tokens that Keystone knows. */
export interface Recall {
  /** Null where nothing that can be believed is there. Never rejects. */
  get(token: string): Promise<Recalled | null>
  /** Returns at once; it need not succeed. */
  put(token: string, body: string): void
}

interface Parts {
  readonly shared: SharedCache
  readonly seal: Seal
  readonly believeMs: number
}

/** Keeps the time Keystone was asked and its own words: `1764030000000 {"token": …}`, sealed. */
export function createRecall({ shared, seal, believeMs }: Parts): Recall {
  return {
    get: async (token) => {
      const key = seal.keyOf(token)
      const sealed = await shared.get(key)
      const text = sealed === null ? null : seal.open(key, sealed)
      return text === null ? null : parseRecalled(text, believeMs)
    },
    put: (token, body) => {
      const key = seal.keyOf(token)
      void shared.set(key, seal.close(key, `${Date.now()} ${body}`), Math.ceil(believeMs / 1000))
    },
  }
}

/** Null for what is not ours, or old. A time in the future is another replica's clock: it counts as now. */
function parseRecalled(text: string, believeMs: number): Recalled | null {
  const space = text.indexOf(' ')
  const askedAtMs = /^\d{1,15}$/.test(text.slice(0, space)) ? Number(text.slice(0, space)) : null
  if (space === -1 || askedAtMs === null) return null
  const left = Math.min(believeMs, askedAtMs + believeMs - Date.now())
  const facts = left > 0 ? parseTokenBody(text.slice(space + 1)) : null
  return facts === null || facts.isRestricted ? null : { facts, size: text.length, believeMs: left }
}
