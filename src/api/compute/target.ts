import { isUtf8 } from 'node:buffer'
import { ApiError } from '../errors.ts'

/** Where a request goes: its path decoded, and its query as it came. */
export interface Target {
  readonly path: string
  /** Without the question mark; empty for none. */
  readonly query: string
}

/** Paths without any of these are their own decoded form. */
const NEEDS_DECODING = /[%#?]|\/\.|[^\u0021-\u007e]/

/**
 * Decodes a request's target as the web server before Nova does (uWSGI's http_url_decode): `.` and `..` are taken out first, then
 * percent signs are decoded; what follows a `#` is dropped, as is a percent sign cut short at the end. Throws a 400 where the target
 * is no path, or no UTF-8.
 */
export function parseTarget(url: string): Target {
  if (url.charCodeAt(0) === SLASH && !NEEDS_DECODING.test(url)) return { path: url, query: '' }
  const [, path = '', query = ''] = TARGET.exec(url) ?? []
  if (path !== '' && !path.startsWith('/'))
    throw new ApiError('badRequest', 'The target of a request must be a path that starts with /.')
  return { path: percentDecode(withoutDots(path)), query }
}

const SLASH = 0x2f
const TARGET = /^(?:https?:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?/i

/** RFC 3986, 5.2.4, on what was not yet decoded. */
function withoutDots(path: string): string {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (isLast) kept.push('')
  }
  return `/${kept.join('/')}`
}

function percentDecode(path: string): string {
  const bytes: number[] = []
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code !== PERCENT) bytes.push(code)
    else if (path.charCodeAt(at + 1) === PERCENT) bytes.push(path.charCodeAt(++at))
    else if (at + 2 < path.length) {
      bytes.push(hexByte(path.slice(at + 1, at + 3)))
      at += 2
    } else break
  }
  const decoded = Buffer.from(bytes)
  if (!isUtf8(decoded)) throw new ApiError('badRequest', 'The path of the request is not UTF-8.')
  return decoded.toString()
}

const PERCENT = 0x25

/** What is no pair of hexadecimal digits counts as NUL: no path of ours has one. */
function hexByte(digits: string): number {
  return /^[0-9a-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : 0
}
