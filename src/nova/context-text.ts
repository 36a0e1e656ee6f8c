import { type ContextParts, messageContext } from './context.ts'
import { contextDatetime } from './datetime.ts'
import { type EmbeddedJson, embeddedEntries, embeddedJson } from './rpc-message.ts'

/** What of a context is the same for all requests of one sender with one token, written already. */
interface Written {
  readonly of: Pick<ContextParts, 'isAdmin' | 'token' | 'catalog' | 'remoteAddress'>
  /** Between these stand the request's id, its global id and its time. */
  readonly around: readonly [string, string, string, string]
}

const written = new WeakMap<ContextParts['subject'], Written>()

/** Stands for what is still to be said; no text of a context can hold it by chance. */
const HOLE = `<${crypto.randomUUID()}>`

/**
 * The entries of a request's context, for an envelope. A sender's token and catalog are some 2 KB that are the same in message after
 * message: they are written once for each sender, by its object.
 */
export function contextText(parts: ContextParts): EmbeddedJson {
  const [before, afterId, afterGlobalId, rest] = writtenFor(parts).around
  const { requestId, globalRequestId, receivedAtUs } = parts
  const [id, globalId, time] = [requestId, globalRequestId, contextDatetime(receivedAtUs)].map(embeddedJson)
  return `${before}${id}${afterId}${globalId}${afterGlobalId}${time}${rest}` as EmbeddedJson
}

/** Whether two contexts differ in nothing but the request's own id and time. Subjects are compared as objects. */
export function isSameButForRequest(one: ContextParts, other: ContextParts): boolean {
  return one.subject === other.subject && one.globalRequestId === other.globalRequestId && isSame(one, other)
}

function writtenFor(parts: ContextParts): Written {
  const known = written.get(parts.subject)
  if (known !== undefined && isSame(known.of, parts)) return known
  const { isAdmin, token, catalog, remoteAddress } = parts
  const made: Written = { of: { isAdmin, token, catalog, remoteAddress }, around: write(parts) }
  written.set(parts.subject, made)
  return made
}

function isSame(one: Written['of'], other: Written['of']): boolean {
  return (
    one.isAdmin === other.isAdmin &&
    one.token === other.token &&
    one.catalog === other.catalog &&
    one.remoteAddress === other.remoteAddress
  )
}

function write(parts: ContextParts): Written['around'] {
  const context = {
    ...messageContext(parts),
    _context_request_id: HOLE,
    _context_global_request_id: HOLE,
    _context_timestamp: HOLE,
  }
  const around = embeddedEntries(context).split(embeddedJson(HOLE))
  if (around.length !== 4) throw new Error('a context has three holes')
  return around as unknown as Written['around']
}
