import type { Delivery } from '../../journal/journal.ts'

/** The first words of a stream: how long to wait before coming back, in milliseconds. */
export const GREETING = 'retry: 1000\n\n'
/** Says only that the stream is alive. */
export const HEARTBEAT = ': alive\n\n'
/** The last words to a client whose place another one takes. */
export const REPLACED = 'event: replaced\ndata: {}\n\n'

/**
 * A delivery as a message of the stream: the shape of `Delivery` in src/sdk/wire.ts.
 * Format: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. JSON has no bare line ends.
 */
export function renderDelivery({ eventId, event, requestId, globalRequestId, receivedAtUs, attempts }: Delivery): string {
  const data = JSON.stringify({
    id: eventId,
    server_uuid: event.serverId,
    name: event.name,
    status: event.status,
    tag: event.tag,
    request_id: requestId,
    global_request_id: globalRequestId,
    accepted_at: renderTime(receivedAtUs),
    attempt: attempts + 1,
  })
  return `id: ${eventId}\nevent: external-event\ndata: ${data}\n\n`
}

/** ISO 8601 with microseconds. */
function renderTime(atUs: number): string {
  const micros = String(atUs % 1000).padStart(3, '0')
  return `${new Date(Math.floor(atUs / 1000)).toISOString().slice(0, -1)}${micros}Z`
}
