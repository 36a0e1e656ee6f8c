import type { StreamCaster } from '../../cast/stream/stream-caster.ts'
import type { HostName } from '../../events/event.ts'
import type { HostSummary, Journal } from '../../journal/journal.ts'
import { ApiError } from '../errors.ts'
import { openEventStream } from './event-stream.ts'
import { pageLimit, toPage } from './query.ts'
import { readAcknowledgement } from './receipts.ts'
import { renderHost } from './render.ts'
import { json, type Route, route } from './route.ts'
import { list, nullable, object, optional } from './schema.ts'
import { acknowledged, acknowledgement, delivery, hostName, hostState } from './wire.ts'

/** What the routes of hosts need. */
export interface HostsParts {
  readonly journal: Journal
  /** Null where casts go over RabbitMQ. */
  readonly stream: StreamCaster | null
}

const PATH = '/novacast/v1/hosts'
const ONE = `${PATH}/{host}`
const params = object({ host: hostName })

/** Hosts: how they stand, and what host agents need. */
export function hostRoutes({ journal, stream }: HostsParts): readonly Route[] {
  const isConnected = (host: HostName) => stream?.isConnected(host) === true
  return [
    route({
      method: 'GET',
      path: PATH,
      rule: 'novacast:hosts:read',
      summary: 'Lists hosts that deliveries wait for or that were ever heard of, by name.',
      query: object({ limit: pageLimit, marker: optional(hostName) }),
      answers: { 200: 'A page; ask for the next one with `next` as `marker`.' },
      answer: object({ hosts: list(hostState), next: nullable(hostName) }),
      handle: async ({ query: { limit, marker } }) => {
        const { items, next } = toPage(await journal.hosts(marker ?? null, limit + 1), limit, ({ host }) => host)
        return json({ hosts: items.map((each) => renderHost(each, isConnected(each.host))), next })
      },
    }),
    route({
      method: 'GET',
      path: ONE,
      rule: 'novacast:hosts:read',
      summary: 'Shows how a host stands.',
      params,
      answers: { 200: 'The host.' },
      answer: hostState,
      handle: async ({ path: { host } }) => {
        const connected = isConnected(host)
        const summary = (await journal.host(host)) ?? (connected ? newcomer(host) : unknown(host))
        return json(renderHost(summary, connected))
      },
    }),
    route({
      method: 'GET',
      path: `${ONE}/events`,
      rule: 'novacast:hosts:follow',
      summary: "Hands out the host's events, until another client follows it. Understands Last-Event-ID.",
      params,
      answers: { 200: 'A stream without an end. Acknowledge each delivery by its id; what is not acknowledged comes again.' },
      events: { 'external-event': delivery, replaced: object({}) },
      handle: ({ path: { host }, raw }) => {
        const caster = required(stream)
        const lastEventId = raw.headers['last-event-id']
        return {
          kind: 'stream',
          serve: (response) =>
            caster.follow(host, {
              lastEventId: typeof lastEventId === 'string' ? lastEventId : null,
              sink: openEventStream(response),
            }),
        }
      },
    }),
    route({
      method: 'POST',
      path: `${ONE}/acks`,
      rule: 'novacast:hosts:follow',
      summary:
        'Says that the host has dealt with these deliveries, and what came of it. Repeats are harmless: the first word counts.',
      params,
      body: acknowledgement,
      answers: { 200: 'It is on disk. Ids of which no delivery to this host is known are named.' },
      answer: acknowledged,
      handle: async ({ path: { host }, body }) => {
        const { ids, receipts } = readAcknowledgement(body)
        const { ended, unknown } = await required(stream).acknowledge(host, ids, receipts)
        return json({ acknowledged: ended.length, unknown })
      },
    }),
  ]
}

function required(stream: StreamCaster | null): StreamCaster {
  if (stream !== null) return stream
  throw new ApiError('itemNotFound', 'Hosts have no streams here: this novacast hands them their events over RabbitMQ')
}

/** A host that has come for the first time, before anything was written of it. */
function newcomer(host: HostName): HostSummary {
  return { host, pending: 0, dispatched: 0, lastSeenUs: null }
}

function unknown(host: HostName): never {
  throw new ApiError('itemNotFound', `Host ${host} is not known: no delivery waits for it and it was never heard of`)
}
