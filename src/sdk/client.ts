import { ReplacedError } from './errors.ts'
import { countingStream, type ImportProgress } from './import-lines.ts'
import { type ListOptions, pages } from './pages.ts'
import { type ReplayFilter, type ReplayOptions, replayAll, replayOne } from './replay.ts'
import { createSession, renderQuery, type Session, type SessionOptions } from './session.ts'
import { field, fromJson, list, number, type Shape } from './shape.ts'
import { type FollowOptions, stayConnected } from './stay-connected.ts'
import {
  type Acknowledged,
  acknowledged,
  type Delivery,
  delivery,
  type EventFilter,
  type EventOutcome,
  type EventRecord,
  eventOutcome,
  eventRecord,
  type Happening,
  type HostState,
  happening,
  hostState,
  type NewEvent,
  page,
  type Receipt,
  type RegisteredServer,
  type ReplayedEvent,
  registeredServer,
  type ServerFields,
} from './wire.ts'

/** How to send events. */
export interface SendOptions {
  /** The dialect of Nova's API; `DEFAULT_MICROVERSION` unless said, `latest` for the service's newest. */
  readonly microversion?: string
  /**
   * `req-UUID`, to find the events by later. The same events with the same id within the repeat window (five minutes, unless
   * configured otherwise) are taken for the same request and delivered once.
   */
  readonly requestId?: string
  /** Names the request, 1 to 255 printable characters: sent again with it within the repeat window, it is delivered once. */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

/** The first microversion with every event name; pinned, as OpenStack's own senders do, so that answers keep their form. */
export const DEFAULT_MICROVERSION = '2.93'

/**
 * Everything novacast can be asked. All methods reject with `ApiError` when the service refuses, `ConnectionError` when it is not
 * reached, `ProtocolError` when something else answers.
 */
export interface Client {
  /**
   * Sends events in one request and resolves when those with code 200 are on novacast's disk. The outcomes stand in the order of
   * the events. Where no server at all is known, novacast may answer 404: an `ApiError`.
   */
  sendEvents(events: readonly NewEvent[], options?: SendOptions): Promise<readonly EventOutcome[]>
  readonly servers: {
    /** Creates or replaces. */
    put(uuid: string, fields: ServerFields): Promise<RegisteredServer>
    get(uuid: string): Promise<RegisteredServer>
    remove(uuid: string): Promise<void>
    /** By uuid. */
    list(options?: ListOptions & { readonly host?: string | undefined }): AsyncGenerator<RegisteredServer, void>
    /**
     * Creates or replaces any number: pieces of newline-delimited JSON, cut anywhere, a server a line with its `uuid`. All of it
     * or, when a line is bad, nothing. Memory stays small. Resolves with how many there were.
     */
    import(pieces: AsyncIterable<Uint8Array | string>, options?: ImportOptions): Promise<number>
  }
  readonly hosts: {
    /** By name. */
    list(options?: ListOptions): AsyncGenerator<HostState, void>
    get(host: string): Promise<HostState>
    /**
     * The deliveries to a host as they come, over as many connections as it takes. What is not acknowledged comes again. With
     * `lastEventId`, those before it wait for their time-out first. Ends with the signal; rejects with `ReplacedError` when
     * another client follows the host.
     */
    follow(host: string, options?: FollowOptions & { readonly lastEventId?: string }): AsyncGenerator<Delivery, void>
    /** Says that the host has dealt with these deliveries (1 to 1000 ids); durable when resolved. */
    ack(host: string, ids: readonly string[]): Promise<Acknowledged>
    /** Says that the host could not apply these (1 to 1000 ids), and why: it ends them, they do not come again. Durable when resolved. */
    fail(host: string, ids: readonly string[], reason: string): Promise<Acknowledged>
    /** Says of each of these (1 to 1000 deliveries) what came of it: it ends them. The sender can read it. Durable when resolved. */
    report(host: string, receipts: readonly Receipt[]): Promise<Acknowledged>
  }
  readonly events: {
    search(filter?: EventFilter, options?: ListOptions): AsyncGenerator<EventRecord, void>
    get(id: string): Promise<EventRecord>
    /** Delivers an event again that had ended, as a new event, to where its server is now. Durable when resolved. */
    replay(id: string, options?: ReplayOptions): Promise<ReplayedEvent>
    /**
     * The same for all that is found, the oldest first, in pages that are made as they are asked for; what is yielded is durable.
     * Where the service goes away in the middle the page is asked for again, for a minute: no event is replayed twice in a run.
     */
    replayAll(filter: ReplayFilter, options?: ReplayOptions & ListOptions): AsyncGenerator<ReplayedEvent, void>
    /** What happens now. What happens while the connection is lost is not seen: `onStatus` tells. Ends with the signal. */
    tail(filter?: Pick<EventFilter, 'server' | 'host' | 'name'>, options?: FollowOptions): AsyncGenerator<Happening, void>
  }
  /** Ends everything under way and releases the sockets, the token provider's too. */
  close(): Promise<void>
}

/** How to import servers. */
export interface ImportOptions {
  /** Told what has been handed to the connection. */
  readonly onProgress?: (progress: ImportProgress) => void
  readonly signal?: AbortSignal
}

/** A client of one novacast. Opens no connection before it needs one. */
export function createClient(options: SessionOptions): Client {
  const session = createSession(options)
  return {
    sendEvents: (events, send = {}) => sendEvents(session, events, send),
    servers: serversOf(session),
    hosts: hostsOf(session),
    events: eventsOf(session),
    close: () => session.close(),
  }
}

const ROOT = '/novacast/v1'
const JSON_HEADERS = { 'content-type': 'application/json' }
/** The service checks a whole import before it answers. */
const IMPORT_ANSWER_MS = 15 * 60_000

const nothing: Shape<void> = () => undefined

function sendEvents(session: Session, events: readonly NewEvent[], options: SendOptions): Promise<readonly EventOutcome[]> {
  const microversion = options.microversion ?? DEFAULT_MICROVERSION
  return session.call(
    {
      method: 'POST',
      path: '/v2.1/os-server-external-events',
      headers: {
        ...JSON_HEADERS,
        'openstack-api-version': `compute ${microversion}`,
        // The same in the older spelling, for services and proxies that know no other.
        'x-openstack-nova-api-version': microversion,
        ...(options.requestId === undefined ? {} : { 'x-openstack-request-id': options.requestId }),
        ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': quote(options.idempotencyKey) }),
      },
      body: JSON.stringify({ events }),
      signal: options.signal,
    },
    field('events', list(eventOutcome)),
  )
}

/** A string as RFC 8941 has it (3.3.3). */
function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

function serversOf(session: Session): Client['servers'] {
  const one = (uuid: string) => `${ROOT}/servers/${encodeURIComponent(uuid)}`
  const listed = page('servers', registeredServer)
  return {
    put: (uuid, fields) =>
      session.call({ method: 'PUT', path: one(uuid), headers: JSON_HEADERS, body: JSON.stringify(fields) }, registeredServer),
    get: (uuid) => session.call({ method: 'GET', path: one(uuid) }, registeredServer),
    remove: (uuid) => session.call({ method: 'DELETE', path: one(uuid) }, nothing),
    list: ({ host, limit, signal } = {}) =>
      pages((size, marker) => {
        const path = `${ROOT}/servers${renderQuery({ host, limit: size, marker })}`
        return session.call({ method: 'GET', path, signal }, listed)
      }, limit),
    import: (pieces, { onProgress, signal } = {}) =>
      session.call(
        {
          method: 'POST',
          path: `${ROOT}/servers`,
          headers: { 'content-type': 'application/x-ndjson' },
          body: countingStream(pieces, onProgress),
          answerTimeoutMs: IMPORT_ANSWER_MS,
          signal,
        },
        field('imported', number),
      ),
  }
}

function hostsOf(session: Session): Client['hosts'] {
  const one = (host: string) => `${ROOT}/hosts/${encodeURIComponent(host)}`
  const listed = page('hosts', hostState)
  const acknowledge = (host: string, said: object) =>
    session.call({ method: 'POST', path: `${one(host)}/acks`, headers: JSON_HEADERS, body: JSON.stringify(said) }, acknowledged)
  return {
    list: ({ limit, signal } = {}) =>
      pages((size, marker) => {
        const path = `${ROOT}/hosts${renderQuery({ limit: size, marker })}`
        return session.call({ method: 'GET', path, signal }, listed)
      }, limit),
    get: (host) => session.call({ method: 'GET', path: one(host) }, hostState),
    follow: async function* (host, options = {}) {
      for await (const message of stayConnected(session, `${one(host)}/events`, options)) {
        if (message.event === 'replaced') throw new ReplacedError(`another client follows host ${host} now`)
        if (message.event === 'external-event') yield fromJson(message.data, delivery, 'a delivery')
      }
    },
    ack: (host, ids) => acknowledge(host, { ids }),
    fail: (host, ids, reason) => acknowledge(host, { receipts: ids.map((id) => ({ id, result: 'failed', reason })) }),
    report: (host, receipts) => acknowledge(host, { receipts }),
  }
}

function eventsOf(session: Session): Client['events'] {
  const listed = page('events', eventRecord)
  return {
    search: (filter = {}, { limit, signal } = {}) =>
      pages((size, cursor) => {
        const path = `${ROOT}/events${renderQuery({ ...filter, limit: size, cursor })}`
        return session.call({ method: 'GET', path, signal }, listed)
      }, limit),
    get: (id) => session.call({ method: 'GET', path: `${ROOT}/events/${encodeURIComponent(id)}` }, eventRecord),
    replay: (id, options) => replayOne(session, id, options),
    replayAll: (filter, options) => replayAll(session, filter, options),
    tail: async function* (filter = {}, options = {}) {
      for await (const message of stayConnected(session, `${ROOT}/events/stream${renderQuery(filter)}`, options)) {
        const found = fromJson(message.data, (data) => happening(message.event, data), 'a happening')
        if (found !== null) yield found
      }
    },
  }
}
