import type { ExternalEvent, Outcome, Whereabouts } from './event.ts'
import { needsTag } from './names.ts'

/**
 * What becomes of one event, given where its server is: the heart of novacast.
 *
 * Nova's order of checks: unknown server (404), missing tag (400), no host (422). Only an absent tag is missing; an empty one
 * passes. Source: nova/api/openstack/compute/server_external_events.py `create`.
 *
 * What is refused for want of a host is kept until `parkUntilUs`, unless that is null.
 */
export function decide(event: ExternalEvent, server: Whereabouts, parkUntilUs: number | null = null): Outcome {
  if (server.kind === 'unknown') return { kind: 'refused', code: 404 }
  if (event.tag === null && needsTag(event.name)) return { kind: 'refused', code: 400 }
  switch (server.kind) {
    case 'unassigned':
      return parkUntilUs === null ? { kind: 'refused', code: 422 } : { kind: 'parked', code: 422, untilUs: parkUntilUs }
    case 'unlocated':
      return { kind: 'deferred', code: 200, cell: server.cell, reason: server.reason }
    case 'located':
      return { kind: 'accepted', code: 200, destinations: server.destinations }
  }
}
