import type { ExternalEvent, ServerId } from '../../events/event.ts'
import { EVENT_STATUSES, type EventName, type EventStatus } from '../../events/names.ts'
import { ApiError } from '../errors.ts'
import type { Microversion } from './microversion.ts'
import { MalformedJson, NestedTooDeep, parsePythonJson } from './python/json.ts'
import type { PyValue } from './python/value.ts'
import { faultOf, MAX_TAG_LENGTH, namesIn } from './schema.ts'
import { isUuidLike } from './uuid-like.ts'

/** An event as it was sent: the answer repeats it, its keys in the sender's order. */
export interface SentEvent {
  readonly event: ExternalEvent
  /** Those of `server_uuid`, `name`, `status` and `tag` that it has. */
  readonly keys: readonly string[]
}

/** Reads the events out of bodies of one microversion. Throws a 400 that says what is wrong, in Nova's words. */
export type EventReader = (text: string) => readonly SentEvent[]

/**
 * Two ways lead to the same answer. Almost every body is good: one JSON.parse, one look at each event. All others are read again as
 * Python reads them, which tells what is wrong, or that nothing is (NaN in a key that /v2 drops).
 */
export function createEventReader(microversion: Microversion): EventReader {
  const names: ReadonlySet<string> = new Set(namesIn(microversion))
  return (text) => readGood(text, names) ?? readExactly(text, microversion)
}

function readGood(text: string, names: ReadonlySet<string>): SentEvent[] | null {
  const body = parseJson(text)
  if (!isRecord(body)) return null
  const keys = Object.keys(body)
  const events = body['events']
  if (keys.length !== 1 || !Array.isArray(events) || events.length === 0) return null
  const sent: SentEvent[] = []
  for (const each of events) {
    const event = isRecord(each) ? toSentEvent(each, Object.keys(each), names) : null
    if (event === null) return null
    sent.push(event)
  }
  return sent
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Null for one that breaks the schema. */
function toSentEvent(
  sent: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  names: ReadonlySet<string>,
): SentEvent | null {
  for (const key of keys) if (key !== 'server_uuid' && key !== 'name' && key !== 'status' && key !== 'tag') return null
  const { server_uuid: serverId, name, status = 'completed', tag } = sent
  if (typeof serverId !== 'string' || !isUuidLike(serverId)) return null
  if (!isName(name, names) || !isStatus(status)) return null
  if (tag !== undefined && !isTag(tag)) return null
  return { event: { serverId: serverId as ServerId, name, status, tag: tag ?? null }, keys }
}

function isName(name: unknown, names: ReadonlySet<string>): name is EventName {
  return typeof name === 'string' && names.has(name)
}

function isStatus(status: unknown): status is EventStatus {
  return (EVENT_STATUSES as readonly unknown[]).includes(status)
}

function isTag(tag: unknown): tag is string {
  return typeof tag === 'string' && (tag.length <= MAX_TAG_LENGTH || [...tag].length <= MAX_TAG_LENGTH)
}

function readExactly(text: string, microversion: Microversion): SentEvent[] {
  const body = parseExactly(text)
  const fault = faultOf(body, microversion)
  if (fault !== null) throw new ApiError('badRequest', fault)
  const names = new Set(namesIn(microversion))
  return eventsOf(body).map((event) => {
    const known = new Map([...event].filter(([key]) => KNOWN_KEYS.includes(key)))
    const sent = toSentEvent(Object.fromEntries(known), [...known.keys()], names)
    if (sent === null) throw new TypeError('an event passed the schema and still is none')
    return sent
  })
}

const KNOWN_KEYS = ['server_uuid', 'name', 'status', 'tag']

/** What the schema has let through. */
function eventsOf(body: PyValue): readonly ReadonlyMap<string, PyValue>[] {
  const events = body instanceof Map ? body.get('events') : null
  return Array.isArray(events) ? events.filter((event) => event instanceof Map) : []
}

/** A document as Python reads it, or a 400. Nova answers 500 to what is nested too deep. */
export function parseExactly(text: string): PyValue {
  try {
    return parsePythonJson(text)
  } catch (error) {
    if (error instanceof MalformedJson) throw new ApiError('badRequest', 'Malformed request body')
    if (error instanceof NestedTooDeep) throw new ApiError('badRequest', `Malformed request body: ${error.message}`)
    throw error
  }
}

/** Nova's fault for a body that is absent. */
export function faultOfNothing(microversion: Microversion): ApiError {
  return new ApiError('badRequest', faultOf(null, microversion) ?? '')
}
