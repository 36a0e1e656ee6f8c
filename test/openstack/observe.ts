import type { ConsumeMessage } from 'amqplib'
import { request } from 'undici'
import type { IdentityName, Keystone } from '../stand/stand.ts'
import type { NovaDatabases, Row } from './databases.ts'
import type { Inbox } from './inbox.ts'
import type { Api } from './senders.ts'

/** An event as it is posted. */
export interface EventBody {
  readonly server_uuid: string
  readonly name: string
  readonly tag?: string
  readonly status?: string
}

/** A request to send to both. */
export interface Posted {
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly events: readonly EventBody[] }
  /** Whose token; neutron's unless said. */
  readonly by?: IdentityName
}

/** Everything that a request came to, in a form in which two can be compared. */
export interface Observed {
  readonly answer: { readonly status: number; readonly headers: Row; readonly body: unknown }
  /** By routing key. */
  readonly casts: readonly Cast[]
  /** The rows of `instance_actions` that it left, by server; those of one server in their order. */
  readonly actions: readonly Row[]
}

export interface Cast {
  readonly exchange: string
  readonly routingKey: string
  /** Those that are set. */
  readonly properties: Row
  readonly envelope: Row
  readonly message: Row
}

/** What an observer looks at, and with whose eyes. */
export interface ObserverParts {
  readonly keystone: Keystone
  readonly databases: NovaDatabases
  readonly inbox: Inbox
}

/**
 * Sends requests and sees what becomes of them. Put aside, by what stands in its place, is only what each request has of its own:
 *
 * - the request's id, in both headers and in the message, where it must be one and the same;
 * - the message's unique id;
 * - times: the context's timestamp, which the rows of actions must repeat, and the moment when those were written;
 * - `Date`, `Content-Length` (Nova writes JSON with spaces) and what concerns the connection.
 */
export function createObserver({ keystone, databases, inbox }: ObserverParts) {
  const tokens = new Map<IdentityName, Promise<string>>()
  const tokenOf = (identity: IdentityName): Promise<string> => {
    const known = tokens.get(identity) ?? keystone.token(identity)
    tokens.set(identity, known)
    return known
  }

  return async (api: Api, { headers, body, by = 'neutron' }: Posted): Promise<Observed> => {
    const answered = await request(`${api.url}/v2.1/os-server-external-events`, {
      method: 'POST',
      headers: { ...headers, 'x-auth-token': await tokenOf(by) },
      body: JSON.stringify(body),
    })
    const text = await answered.body.text()
    const requestId = String(answered.headers['x-openstack-request-id'])
    await api.settled(requestId, await tokenOf('admin'))
    const casts = (await inbox.drain()).map((message) => toCast(message, requestId))
    const [first] = casts
    return {
      answer: { status: answered.statusCode, headers: comparableHeaders(answered.headers, requestId), body: parse(text) },
      casts: casts.map(({ cast }) => cast).sort(byRoutingKey),
      actions: (await actionsOf(databases, requestId)).map((row) => comparableAction(row, first?.timestamp ?? '')),
    }
  }
}

const ASIDE = new Set(['date', 'content-length', 'connection', 'keep-alive', 'transfer-encoding'])
const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function comparableHeaders(headers: Row, requestId: string): Row {
  const kept = Object.entries(headers).filter(([name]) => !ASIDE.has(name))
  const named = REQUEST_ID.test(requestId) ? 'the id of the request' : 'no id of a request'
  return Object.fromEntries(kept.map(([name, value]) => [name, value === requestId ? named : value]))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function toCast({ fields, properties, content }: ConsumeMessage, requestId: string) {
  const { 'oslo.message': text, ...envelope } = JSON.parse(content.toString()) as { 'oslo.message': string }
  const message = JSON.parse(text, comparableValue) as Record<string, unknown>
  const timestamp = String(message['_context_timestamp'])
  const cast: Cast = {
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    properties: Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)),
    envelope,
    message: {
      ...message,
      _unique_id: like(message['_unique_id'], /^[0-9a-f]{32}$/, 'an id of its own'),
      _context_timestamp: like(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/, 'when the request came'),
      _context_request_id: message['_context_request_id'] === requestId ? 'the id of the request' : 'another id',
    },
  }
  return { cast, timestamp }
}

const like = (value: unknown, form: RegExp, what: string): unknown => (form.test(String(value)) ? what : value)

/** What has no order in one order; the network cache, JSON in a string, as what it says. */
function comparableValue(key: string, value: unknown): unknown {
  if (key === 'nova_object.changes' && Array.isArray(value)) return value.toSorted()
  if (key === 'network_info' && typeof value === 'string') return parse(value)
  if (key === 'instances' && Array.isArray(value)) return value.toSorted((a, b) => uuidOf(a).localeCompare(uuidOf(b)))
  return value
}

const uuidOf = (object: { 'nova_object.data': { uuid: string } }): string => object['nova_object.data'].uuid

function byRoutingKey(one: Cast, other: Cast): number {
  return one.routingKey.localeCompare(other.routingKey)
}

function actionsOf(databases: NovaDatabases, requestId: string): Promise<Row[]> {
  const rows = databases.of('nova_cell1').selectFrom('instance_actions').selectAll()
  return rows.where('request_id', '=', requestId).orderBy('instance_uuid').orderBy('id').execute()
}

/** MariaDB's columns hold whole seconds; PostgreSQL leaves zeros off. */
function comparableAction({ id: _, request_id: _id, ...row }: Row, timestamp: string): Row {
  const came = timestamp.replace('T', ' ')
  const isWhen = (value: unknown) => value === came.slice(0, 19) || value === came.replace(/\.?0+$/, '')
  const times = ['start_time', 'updated_at'].map((name) => [name, isWhen(row[name]) ? 'when the request came' : row[name]])
  return { ...row, ...Object.fromEntries(times), created_at: like(row['created_at'], /^\d{4}-\d\d-\d\d \d/, 'a time') }
}
