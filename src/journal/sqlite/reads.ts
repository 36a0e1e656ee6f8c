import type { StatementSync } from 'node:sqlite'
import type { EventId, HostName } from '../../events/event.ts'
import type { RegisteredServer, ServerQuery } from '../../servers/registry/registry.ts'
import type {
  AwaitedPage,
  Delivery,
  EventQuery,
  EventRecord,
  HostSummary,
  Outdated,
  ParkedEvent,
  UnlocatedEvent,
} from '../journal.ts'
import { createEventReads } from './read-events.ts'
import { createHostReads } from './read-hosts.ts'
import { createOpenReads } from './read-open.ts'
import { createServerReads } from './read-servers.ts'

/** A read that stops wherever others may go first, and ends with its answer. */
export type Job<Answer> = Generator<undefined, Answer>

/** Gives the statement of a text, prepared once. */
export type Prepare = (sql: string) => StatementSync

/** What the reader does, and what it answers. */
export interface ReaderCalls {
  readonly open: {
    readonly body: { readonly host: HostName; readonly after: EventId | null; readonly limit: number }
    readonly answer: readonly Delivery[]
  }
  readonly awaited: {
    readonly body: { readonly host: HostName; readonly after: EventId | null; readonly limit: number }
    readonly answer: AwaitedPage
  }
  readonly outdated: {
    readonly body: { readonly host: HostName; readonly limit: number }
    readonly answer: readonly Outdated[]
  }
  readonly search: { readonly body: EventQuery; readonly answer: readonly EventRecord[] }
  readonly event: { readonly body: EventId; readonly answer: EventRecord | null }
  readonly hosts: {
    readonly body: { readonly after: HostName | null; readonly limit: number }
    readonly answer: readonly HostSummary[]
  }
  readonly host: { readonly body: HostName; readonly answer: HostSummary | null }
  readonly claim: { readonly body: null; readonly answer: readonly HostName[] }
  readonly unlocated: {
    readonly body: { readonly after: EventId | null; readonly limit: number }
    readonly answer: readonly UnlocatedEvent[]
  }
  readonly parked: {
    readonly body: { readonly after: EventId | null; readonly limit: number }
    readonly answer: readonly ParkedEvent[]
  }
  readonly servers: { readonly body: ServerQuery; readonly answer: readonly RegisteredServer[] }
}

/** The reader's work, one case a kind. */
export type ReaderWork = { [Kind in keyof ReaderCalls]: { kind: Kind; body: ReaderCalls[Kind]['body'] } }[keyof ReaderCalls]

/** Every read as a job. */
export function createReads(prepare: Prepare): (work: ReaderWork) => Job<unknown> {
  const events = createEventReads(prepare)
  const open = createOpenReads(prepare)
  const hosts = createHostReads(prepare)
  const servers = createServerReads(prepare)
  return (work) => {
    switch (work.kind) {
      case 'open':
        return open.open(work.body)
      case 'awaited':
        return open.awaited(work.body)
      case 'outdated':
        return open.outdated(work.body)
      case 'search':
        return events.search(work.body)
      case 'event':
        return events.event(work.body)
      case 'hosts':
        return hosts.hosts(work.body)
      case 'host':
        return hosts.host(work.body)
      case 'claim':
        return hosts.claim()
      case 'unlocated':
        return hosts.unlocated(work.body)
      case 'parked':
        return hosts.parked(work.body)
      case 'servers':
        return servers.list(work.body)
    }
  }
}
