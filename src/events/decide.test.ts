import { describe, expect, it } from 'vitest'
import { decide } from './decide.ts'
import type { CellId, ExternalEvent, HostName, ServerId, Whereabouts } from './event.ts'
import { EVENT_NAMES, type EventName } from './names.ts'

const destination = { host: 'compute-1' as HostName, cell: null }
const located: Whereabouts = { kind: 'located', destinations: [destination], instance: null }

function eventOf(name: EventName, tag: string | null): ExternalEvent {
  return { serverId: '31c9b6ce-4a8f-4f6f-9f0c-2b6c6c3b6f7e' as ServerId, name, status: 'completed', tag }
}

describe('decide', () => {
  it('accepts an event for a server on a host', () => {
    expect(decide(eventOf('network-changed', null), located)).toEqual({
      kind: 'accepted',
      code: 200,
      destinations: [destination],
    })
  })

  it('asks first whether the server is known, then for the tag, then for the host', () => {
    const untagged = eventOf('volume-extended', null)
    expect(decide(untagged, { kind: 'unknown' })).toEqual({ kind: 'refused', code: 404 })
    expect(decide(untagged, { kind: 'unassigned' })).toEqual({ kind: 'refused', code: 400 })
    expect(decide(eventOf('volume-extended', 'v'), { kind: 'unassigned' })).toEqual({ kind: 'refused', code: 422 })
  })

  it('keeps what has no host for a while where it was told to, and nothing else that is refused', () => {
    const event = eventOf('volume-extended', 'v')
    expect(decide(event, { kind: 'unassigned' }, 7)).toEqual({ kind: 'parked', code: 422, untilUs: 7 })
    expect(decide(event, { kind: 'unknown' }, 7)).toEqual({ kind: 'refused', code: 404 })
    expect(decide(eventOf('volume-extended', null), { kind: 'unassigned' }, 7)).toEqual({ kind: 'refused', code: 400 })
    expect(decide(event, located, 7).kind).toBe('accepted')
  })

  it.each(EVENT_NAMES.map((row) => [row.name, row.needsTag]))('%s without a tag: refused is %s', (name, refused) => {
    expect(decide(eventOf(name, null), located).code).toBe(refused ? 400 : 200)
  })

  it('lets an empty tag pass where a tag is required', () => {
    expect(decide(eventOf('power-update', ''), located).code).toBe(200)
  })

  it('accepts what cannot be located now, to be located later', () => {
    const cell = 'c1' as CellId
    expect(decide(eventOf('network-changed', null), { kind: 'unlocated', cell, reason: 'refused' })).toEqual({
      kind: 'deferred',
      code: 200,
      cell,
      reason: 'refused',
    })
  })
})
