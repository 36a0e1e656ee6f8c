import { ApiError } from '../errors.ts'
import { integer, type ObjectSchema, otherwise, type Schema } from './schema.ts'

/**
 * The fields of a query string. Throws a `badRequest` for one that comes twice or is not percent-encoded UTF-8. Numbers come as
 * text: those that the fields want are made numbers here.
 */
export function readQuery(text: string, fields: ObjectSchema<unknown>['fields']): Readonly<Record<string, unknown>> {
  const found = new Map<string, unknown>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const [name = '', ...rest] = pair.split('=')
    const key = decode(name)
    if (found.has(key)) throw new ApiError('badRequest', `query ${key.slice(0, 60)}: expected once, got it twice`)
    found.set(key, toNumberWhere(Object.hasOwn(fields, key) ? fields[key] : undefined, decode(rest.join('='))))
  }
  return Object.fromEntries(found)
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    throw new ApiError('badRequest', `query: expected percent-encoded UTF-8, got ${JSON.stringify(part.slice(0, 60))}`)
  }
}

function toNumberWhere(field: Schema<unknown> | undefined, value: string): unknown {
  return field?.json['type'] === 'integer' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
}

/** Items of a page where the request does not say; at most 1000. */
export const pageLimit = otherwise(integer(1, 1000), 100)

/** The fields that have come, for a type whose fields are absent or there. */
export function given<T extends object>(fields: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const found: Partial<Record<string, unknown>> = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) found[name] = value
  return found as { readonly [K in keyof T]?: Exclude<T[K], undefined> }
}

/** Items, and what the next page begins behind: null where this is the last. */
interface Page<T, Id> {
  readonly items: readonly T[]
  readonly next: Id | null
}

/** A page cut out of one item more than was asked for: that one says whether there is a next page, and is not shown. */
export function toPage<T, Id>(found: readonly T[], limit: number, idOf: (item: T) => Id): Page<T, Id> {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next: found.length > limit && last !== undefined ? idOf(last) : null }
}
