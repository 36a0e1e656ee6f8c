import type { EventId } from '../../events/event.ts'
import type { EventQuery, Journal } from '../../journal/journal.ts'
import { DELIVERY_STATES } from '../../journal/states.ts'
import { ApiError } from '../errors.ts'
import { openEventStream } from './event-stream.ts'
import type { LiveStreams } from './live-streams.ts'
import { given, pageLimit, toPage } from './query.ts'
import { renderEvent } from './render.ts'
import { json, type Route, route } from './route.ts'
import { type Infer, integer, list, nullable, object, oneOf, optional, otherwise, text, textFor } from './schema.ts'
import { parseTime } from './time.ts'
import { anyServerUuid, dropped, eventId, eventRecord, hostName, step } from './wire.ts'

/** What the routes of events need. */
export interface EventsParts {
  readonly journal: Journal
  readonly live: LiveStreams
}

const PATH = '/novacast/v1/events'

const eventName = text('the name of an event')
const time = textFor('an ISO 8601 time like 2026-11-24T10:00:00Z', { format: 'date-time' }, parseTime)

/** What an event may be asked to be like. */
export const eventFilter = {
  server: optional(anyServerUuid),
  host: optional(hostName),
  name: optional(eventName),
  tag: optional(text('a tag of at most 255 characters', { min: 0 })),
  request_id: optional(text('a request id')),
  code: optional(integer(100, 599)),
  state: optional(oneOf(DELIVERY_STATES)),
  since: optional(time),
  until: optional(time),
}

const filter = object({
  ...eventFilter,
  order: otherwise(oneOf(['newest', 'oldest']), 'newest'),
  limit: pageLimit,
  cursor: optional(eventId),
})

const liveEvents = {
  accepted: eventRecord,
  dispatched: step,
  acknowledged: step,
  returned: step,
  expired: step,
  failed: step,
  moved: step,
  dropped,
}

/** Events: what was accepted or refused, what became of it, what happens now. */
export function eventRoutes({ journal, live }: EventsParts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      rule: 'novacast:events:read',
      summary: 'Searches events; every filter given must hold.',
      query: filter,
      answers: { 200: 'A page; ask for the next one with `next` as `cursor`.' },
      answer: object({ events: list(eventRecord), next: nullable(eventId) }),
      handle: async ({ query }) => {
        const found = await journal.search(toEventQuery(query))
        const { items, next } = toPage(found, query.limit, ({ id }) => id)
        return json({ events: items.map(renderEvent), next })
      },
    }),
    route({
      method: 'GET',
      path: `${PATH}/stream`,
      rule: 'novacast:events:read',
      summary: 'Tells what happens, as it happens. A reader that is too slow is told how much was left out.',
      query: object({ server: optional(anyServerUuid), host: optional(hostName), name: optional(eventName) }),
      answers: { 200: 'A stream without an end.' },
      events: liveEvents,
      handle: ({ query: { server, host, name } }) => ({
        kind: 'stream',
        serve: (response) => live.follow(openEventStream(response), given({ serverId: server, host, name })),
      }),
    }),
    route({
      method: 'GET',
      path: `${PATH}/{id}`,
      rule: 'novacast:events:read',
      summary: 'Shows an event with its story.',
      params: object({ id: eventId }),
      answers: { 200: 'The event.' },
      answer: eventRecord,
      handle: async ({ path: { id } }) => json(renderEvent((await journal.event(id)) ?? unknownEvent(id))),
    }),
  ]
}

/** One more than the page takes: it says whether there is another page. */
function toEventQuery({ order, limit, cursor, ...asked }: Infer<typeof filter>): EventQuery {
  return { ...toEventFilter(asked), ...given({ after: cursor }), order, limit: limit + 1 }
}

/**
 * What to look for in the journal. `until` is the first moment that is left out, so that ranges can be put side by side; the
 * journal's is the last one that is not.
 */
export function toEventFilter(asked: Infer<ReturnType<typeof object<typeof eventFilter>>>): Omit<EventQuery, 'limit'> {
  const { server, host, name, tag, request_id, code, state, since, until } = asked
  const about = { serverId: server, host, name, tag, requestId: request_id, code, state }
  return given({ ...about, sinceUs: since, untilUs: until === undefined ? until : until - 1 })
}

/** The answer where there is no such event. */
export function unknownEvent(id: EventId): never {
  throw new ApiError('itemNotFound', `Event ${id} is not in the journal`)
}
