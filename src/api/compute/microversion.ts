import type { IncomingHttpHeaders } from 'node:http'
import { ApiError } from '../errors.ts'
import { MAX_INTEGER_DIGITS } from './python/json.ts'
import { splitOnce, strip } from './python/text.ts'

/** The dialect of Nova's API that a request is in. */
export interface Microversion {
  /** The minor number of 2.x; 0 under /v2. */
  readonly minor: number
  /** Whether keys that the schema does not know are dropped instead of refused, as under /v2. */
  readonly isLegacy: boolean
}

/** What version headers ask for: a version that is offered, or why not. What is refused as too new or too old is still echoed. */
export type Negotiation =
  | { readonly kind: 'agreed'; readonly microversion: Microversion; readonly echo: string }
  | { readonly kind: 'refused'; readonly error: ApiError; readonly echo: string | null }

/** Under /v2 there is one dialect, version headers are not read and not answered. */
export const LEGACY: Microversion = { minor: 0, isLegacy: true }

const DEFAULT_MINOR = 1
const FORM = /^([1-9]\d*)\.([1-9]\d*|0)$/

/**
 * Agrees on a microversion: the standard header first, the last value for `compute` in it; else the legacy header, its last value;
 * else 2.1. Source: microversion_parse.get_version and nova/api/openstack/wsgi.py Request.set_api_version_request.
 */
export function createNegotiation(maxMinor: number): (headers: IncomingHttpHeaders) => Negotiation {
  const agreed = Array.from({ length: maxMinor + 1 }, (_, minor): Negotiation => {
    return { kind: 'agreed', microversion: { minor, isLegacy: false }, echo: `2.${minor}` }
  })
  const agree = (minor: number): Negotiation | undefined => (minor < DEFAULT_MINOR ? undefined : agreed[minor])
  return (headers) => {
    const asked = requested(headers)
    if (asked === null) return agree(DEFAULT_MINOR) ?? malformed('')
    if (asked === 'latest') return agree(maxMinor) ?? malformed(asked)
    const [, major = '', minor = ''] = FORM.exec(asked) ?? []
    if (major === '' || Math.max(major.length, minor.length) > MAX_INTEGER_DIGITS) return malformed(asked)
    return (major === '2' ? agree(Number(minor)) : undefined) ?? outOfRange(asked, maxMinor)
  }
}

/** The version a request asks for: `latest`, any text, or null for none. */
function requested(headers: IncomingHttpHeaders): string | null {
  const standard = read(headers, STANDARD)
  const version = standard === null ? null : computeVersion(standard)
  if (version !== null && version !== '') return version
  const legacy = read(headers, LEGACY_NAME)
  return legacy === null ? null : strip(legacy.slice(legacy.lastIndexOf(',') + 1))
}

/** WSGI knows no difference between dashes and underscores in the names of headers, so neither does Nova. */
const STANDARD = ['openstack-api-version', 'openstack_api_version'] as const
const LEGACY_NAME = ['x-openstack-nova-api-version', 'x_openstack_nova_api_version'] as const

function read(headers: IncomingHttpHeaders, [name, alias]: readonly [string, string]): string | null {
  const value = headers[name] ?? headers[alias]
  return typeof value === 'string' ? value : null
}

function computeVersion(header: string): string | null {
  for (const each of header.split(',').reverse()) {
    const pair = splitOnce(each)
    if (pair?.[0].toLowerCase() === 'compute') return strip(pair[1])
  }
  return null
}

function malformed(asked: string): Negotiation {
  const message = `API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`
  return { kind: 'refused', error: new ApiError('badRequest', message), echo: null }
}

function outOfRange(asked: string, maxMinor: number): Negotiation {
  const message = `Version ${asked} is not supported by the API. Minimum is 2.1 and maximum is 2.${maxMinor}.`
  return { kind: 'refused', error: new ApiError('notAcceptable', message), echo: asked }
}
