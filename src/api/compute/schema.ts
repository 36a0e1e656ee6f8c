import { EVENT_NAMES, EVENT_STATUSES } from '../../events/names.ts'
import type { Microversion } from './microversion.ts'
import { repr, str } from './python/repr.ts'
import { isDict, isList, type PyValue } from './python/value.ts'
import { isUuidLike } from './uuid-like.ts'

/** Code points of a tag. */
export const MAX_TAG_LENGTH = 255

/** What an event may hold, in the order in which Nova's schema looks at it. */
const PROPERTIES: Readonly<Record<string, (value: string, names: readonly string[]) => string | null>> = {
  server_uuid: (value) => (isUuidLike(value) ? null : `${repr(value)} is not a 'uuid'`),
  name: (value, names) => notOneOf(value, names),
  status: (value) => notOneOf(value, EVENT_STATUSES),
  tag: (value) => ([...value].length > MAX_TAG_LENGTH ? `${repr(value)} is too long` : null),
}
const REQUIRED = ['server_uuid', 'name'] as const

/**
 * What is wrong with a body, in the words of Nova and jsonschema: the first fault in the order of Nova's schema for the microversion.
 * Null for a good one. Source: nova/api/openstack/compute/schemas/server_external_events.py, nova/api/validation/validators.py and
 * jsonschema's _validators.py.
 */
export function faultOf(body: PyValue, microversion: Microversion): string | null {
  if (!isDict(body)) return `${repr(body)} is not of type 'object'`
  const events = body.get('events')
  if (events !== undefined) {
    const fault = faultOfEvents(events, microversion)
    if (fault !== null) return fault
  } else return "'events' is a required property"
  return microversion.isLegacy ? null : unexpected(body, ['events'])
}

function faultOfEvents(events: PyValue, microversion: Microversion): string | null {
  if (!isList(events)) return at('events', events, `${repr(events)} is not of type 'array'`)
  if (events.length === 0) return at('events', events, `${repr(events)} is too short`)
  const names = namesIn(microversion)
  for (const [index, event] of events.entries()) {
    const fault = faultOfEvent(event, index, names, microversion)
    if (fault !== null) return fault
  }
  return null
}

function faultOfEvent(event: PyValue, index: number, names: readonly string[], { isLegacy }: Microversion): string | null {
  if (!isDict(event)) return at(index, event, `${repr(event)} is not of type 'object'`)
  for (const [key, faultOfValue] of Object.entries(PROPERTIES)) {
    const value = event.get(key)
    if (value === undefined) continue
    const fault = typeof value === 'string' ? faultOfValue(value, names) : `${repr(value)} is not of type 'string'`
    if (fault !== null) return at(key, value, fault)
  }
  const missing = REQUIRED.find((key) => !event.has(key))
  if (missing !== undefined) return at(index, event, `'${missing}' is a required property`)
  const extra = isLegacy ? null : unexpected(event, Object.keys(PROPERTIES))
  return extra === null ? null : at(index, event, extra)
}

/** The names of events that a microversion knows, in Nova's order. */
export function namesIn({ minor, isLegacy }: Microversion): readonly string[] {
  return EVENT_NAMES.filter((row) => row.since <= (isLegacy ? 1 : minor)).map((row) => row.name)
}

function at(field: string | number, value: PyValue, fault: string): string {
  return `Invalid input for field/attribute ${field}. Value: ${str(value)}. ${fault}`
}

function notOneOf(value: string, allowed: readonly string[]): string | null {
  return allowed.includes(value) ? null : `${repr(value)} is not one of ${repr(allowed)}`
}

function unexpected(dict: ReadonlyMap<string, PyValue>, known: readonly string[]): string | null {
  const extras = [...dict.keys()].filter((key) => !known.includes(key)).sort(byCodePoint)
  if (extras.length === 0) return null
  return `Additional properties are not allowed (${extras.map(repr).join(', ')} ${extras.length === 1 ? 'was' : 'were'} unexpected)`
}

/** Python sorts strings by code point, JavaScript by UTF-16. */
function byCodePoint(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
