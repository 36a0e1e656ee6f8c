import { hash } from 'node:crypto'
import type { Caller } from '../../identity/identity.ts'
import type { RepeatKey } from '../../journal/repeats.ts'
import { ApiError } from '../errors.ts'

/** What of a request tells whether it is a repeat. */
export interface Repeatable {
  /** The header Idempotency-Key as it came. */
  readonly idempotencyKey: string | string[] | undefined
  /** The sender's own id for the request, where it has a good one. */
  readonly globalRequestId: string | null
  readonly caller: Caller
  /** `2.0` under /v2: the same body may mean something else there. */
  readonly microversion: string
  readonly body: string
}

/** Characters of an Idempotency-Key. */
const MOST_CHARACTERS = 255
/** A string as RFC 8941 has it (3.3.3), and what most send instead: the same without quotes. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/
const BARE = /^[!#-+\--~]+$/

/**
 * What repeats of a request are known by; null where nothing tells them: it has neither of the two headers.
 *
 * An Idempotency-Key names a request whatever its body is. An X-OpenStack-Request-ID does not: services send many requests under one,
 * so there the body belongs to the name. Both are the caller's own. Throws a 400 for an Idempotency-Key that is none.
 */
export function repeatKeyOf({ idempotencyKey, globalRequestId, caller, microversion, body }: Repeatable): RepeatKey | null {
  if (idempotencyKey === undefined && globalRequestId === null) return null
  const { userId, projectId } = caller
  if (idempotencyKey !== undefined) {
    const key = parseIdempotencyKey(idempotencyKey)
    return { digest: digestOf(['Idempotency-Key', key, userId, projectId]), content: digestOf([microversion], body) }
  }
  return { digest: digestOf(['X-OpenStack-Request-ID', globalRequestId, userId, projectId, microversion], body), content: null }
}

/** 16 bytes of SHA-256 in hexadecimal. The JSON says where it ends, so that no two pairs are alike. */
function digestOf(parts: readonly (string | null)[], body = ''): string {
  return hash('sha256', JSON.stringify(parts) + body, 'hex').slice(0, 32)
}

/** Source: draft-ietf-httpapi-idempotency-key-header, 2.1. */
function parseIdempotencyKey(header: string | string[]): string {
  const text = typeof header === 'string' ? header : header.join(', ')
  const quoted = QUOTED.exec(text)?.[1]
  const key = quoted === undefined ? (BARE.exec(text)?.[0] ?? '') : quoted.replaceAll(/\\(.)/g, '$1')
  if (key.length > 0 && key.length <= MOST_CHARACTERS) return key
  const came = text.length > MOST_CHARACTERS ? `${text.length} characters` : JSON.stringify(text)
  throw new ApiError(
    'badRequest',
    `Malformed Idempotency-Key: expected one string of 1 to ${MOST_CHARACTERS} characters, like "8e03978e-40d5-43e8-bc93-6894a57f9324", not ${came}`,
  )
}
