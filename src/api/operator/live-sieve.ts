import { LRUCache } from 'lru-cache'
import type { EventId, ExternalEvent, HostName, ServerId } from '../../events/event.ts'
import type { DecidedEvent, Journal, Receipt, SubmissionHead } from '../../journal/journal.ts'

/** What a reader wants to hear of; every field given must hold. */
export interface LiveFilter {
  readonly serverId?: ServerId
  readonly host?: HostName
  readonly name?: string
}

/** What is told of one event. */
export type Told =
  | { readonly kind: 'accepted'; readonly head: SubmissionHead; readonly decided: DecidedEvent }
  | {
      readonly kind: 'step'
      readonly step: string
      readonly id: EventId
      readonly host: HostName
      readonly atUs: number
      readonly receipt: Receipt | undefined
    }

/** Says what concerns a reader. */
export interface LiveSieve {
  /** False where it cannot concern the reader, as far as that can be told at once. */
  mayConcern(told: Told): boolean
  /** Whether `concerns` has to be asked about steps, which do not say which server they are of. */
  readonly isAsked: boolean
  /** `unknown` when the journal cannot be asked now. Never rejects. */
  concerns(id: EventId): Promise<'yes' | 'no' | 'unknown'>
}

/** Events of which a reader remembers whether they concern it: those it hears of first are asked of the journal. */
const REMEMBERED = 10_000

/** The sieve of one reader. */
export function createLiveSieve({ serverId, host, name }: LiveFilter, journal: Pick<Journal, 'event'>): LiveSieve {
  const isAsked = serverId !== undefined || name !== undefined
  const known = new LRUCache<EventId, 'yes' | 'no'>({ max: REMEMBERED })
  const look = (event: ExternalEvent) =>
    (serverId ?? event.serverId) === event.serverId && (name ?? event.name) === event.name ? 'yes' : 'no'
  return {
    isAsked,
    mayConcern: (told) => {
      if (told.kind === 'step') return (host ?? told.host) === told.host && known.get(told.id) !== 'no'
      const concerns = look(told.decided.event)
      if (isAsked) known.set(told.decided.id, concerns)
      return concerns === 'yes' && (host === undefined || isFor(told.decided, host))
    },
    concerns: async (id) => {
      const remembered = known.get(id)
      if (remembered !== undefined) return remembered
      const record = await journal.event(id).catch(() => undefined)
      if (record === undefined) return 'unknown'
      const concerns = record === null ? 'no' : look(record.event)
      known.set(id, concerns)
      return concerns
    },
  }
}

function isFor({ outcome }: DecidedEvent, host: HostName): boolean {
  return outcome.kind === 'accepted' && outcome.destinations.some((destination) => destination.host === host)
}
