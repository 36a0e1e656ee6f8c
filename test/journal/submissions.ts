import type { EventId, ExternalEvent, HostName, Outcome, ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Submission } from '../../src/journal/journal.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { createLog } from '../../src/observe/log.ts'

export const newEventId = () => uuidv7() as EventId
export const newServerId = () => crypto.randomUUID() as ServerId
export const hostName = (name: string) => name as HostName
export const silent = createLog({ level: 'silent' })

/** An event for these hosts, one that does not merge unless said; refused with 404 for none. */
export function decided(hosts: readonly string[], event: Partial<ExternalEvent> = {}): DecidedEvent {
  const destinations = hosts.map((host) => ({ host: hostName(host), cell: null }))
  const outcome: Outcome = hosts.length > 0 ? { kind: 'accepted', code: 200, destinations } : { kind: 'refused', code: 404 }
  return {
    id: newEventId(),
    event: { serverId: newServerId(), name: 'network-vif-deleted', status: 'completed', tag: null, ...event },
    outcome,
  }
}

/** A POST of these events. */
export function submission(events: readonly DecidedEvent[], about: Partial<Submission> = {}): Submission {
  return {
    receivedAtUs: Date.now() * 1000,
    requestId: `req-${crypto.randomUUID()}`,
    globalRequestId: null,
    sender: { userId: 'u', userName: 'neutron', projectId: 'p' },
    microversion: '2.93',
    events,
    ...about,
  }
}
