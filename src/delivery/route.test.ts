import { describe, expect, it } from 'vitest'
import type { CellId, HostName } from '../events/event.ts'
import { route } from './route.ts'

const here = { host: 'h1' as HostName, cell: 'c1' as CellId }
const there = { host: 'h2' as HostName, cell: null }

describe('a delivery whose server was located again', () => {
  it('is cast where the server is here, be it on its way', () => {
    expect(route(here.host, { kind: 'located', destinations: [here], instance: null })).toEqual({
      ...{ kind: 'cast', cell: 'c1', instance: null },
    })
    expect(route(here.host, { kind: 'located', destinations: [there, here], instance: null }).kind).toBe('cast')
  })

  it('follows where the server is elsewhere', () => {
    expect(route(here.host, { kind: 'located', destinations: [there], instance: null })).toEqual({ kind: 'moved', to: [there] })
  })

  it('ends where the server is nowhere, and waits where that cannot be told', () => {
    expect(route(here.host, { kind: 'unknown' }).kind).toBe('failed')
    expect(route(here.host, undefined).kind).toBe('failed')
    expect(route(here.host, { kind: 'unassigned' }).kind).toBe('failed')
    expect(route(here.host, { kind: 'unlocated', cell: 'c1' as CellId, reason: 'refused' })).toEqual({
      ...{ kind: 'wait', reason: 'the server cannot be located: refused' },
    })
  })
})
