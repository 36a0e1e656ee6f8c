import { LRUCache } from 'lru-cache'
import type { Destination, HostName, ServerId } from '../events/event.ts'

/** A server, and the hosts that an event of it goes to. */
export type Place = readonly [ServerId, readonly Destination[]]

/**
 * Remembers where events of a server went last, so that a move is noticed when the next one comes: what still waits for the old host must
 * then go first. Only what has moved is looked for in the journal.
 */
export interface LastHosts {
  /** Those of these servers of which deliveries may be open for other hosts. */
  strays(places: Iterable<Place>): ReadonlySet<ServerId>
  /** These are in the journal now; of these servers it was looked for strays. */
  note(places: Iterable<Place>, searched: ReadonlySet<ServerId>): void
  /** What waits for this server follows it some time before the end is told: until then nobody knows where that is. */
  follows(server: ServerId): { readonly end: () => void }
  /** Nothing at all is open: of servers that are not known nothing can be. */
  nothingIsLeft(): void
  /** Something is open that was accepted elsewhere: where events of any server went last, nobody here knows. */
  othersLeft(): void
}

/** Some 10 MB. */
const REMEMBERED = 50_000

export function createLastHosts(): LastHosts {
  /** Servers that something follows now, and how often. */
  const followed = new Map<ServerId, number>()
  /** After a start, what earlier lives left behind; later, what was forgotten. */
  let mayStrangersWait = true
  const last = new LRUCache<ServerId, string>({
    max: REMEMBERED,
    dispose: (_hosts, _server, reason) => {
      if (reason === 'evict') mayStrangersWait = true
    },
  })
  return {
    strays: (places) => {
      let strays: Set<ServerId> | null = null
      for (const [serverId, destinations] of places) {
        const known = followed.has(serverId) ? NOWHERE : last.get(serverId)
        if (known === undefined ? !mayStrangersWait : known === keyOf(destinations)) continue
        strays ??= new Set()
        strays.add(serverId)
      }
      return strays ?? NONE
    },
    note: (places, searched) => {
      for (const [serverId, destinations] of places) {
        const key = keyOf(destinations)
        const known = last.get(serverId) ?? key
        // Where it is another and nobody looked, that came meanwhile, and is open perhaps: the next one is to look.
        last.set(serverId, known === key || searched.has(serverId) ? key : NOWHERE)
      }
    },
    follows: (server) => {
      followed.set(server, (followed.get(server) ?? 0) + 1)
      return {
        end: () => {
          const left = (followed.get(server) ?? 0) - 1
          if (left > 0) followed.set(server, left)
          else followed.delete(server)
          // What was noted meanwhile may have been taken elsewhere since.
          last.set(server, NOWHERE)
        },
      }
    },
    nothingIsLeft: () => {
      mayStrangersWait = false
    },
    othersLeft: () => {
      last.clear()
      mayStrangersWait = true
    },
  }
}

/** Does this work, by which what waits for these servers follows them. */
export async function whileFollowed<Result>(
  { follows }: Pick<LastHosts, 'follows'>,
  servers: readonly ServerId[],
  work: () => Promise<Result>,
): Promise<Result> {
  const following = servers.map(follows)
  try {
    return await work()
  } finally {
    for (const { end } of following) end()
  }
}

const NONE: ReadonlySet<ServerId> = new Set()
/** The key of no hosts: no server that events are accepted for is there. */
const NOWHERE = ''

function keyOf(destinations: readonly Destination[]): string {
  const [first, ...others] = destinations
  if (others.length === 0) return first?.host ?? ''
  return destinations
    .map(({ host }): HostName => host)
    .sort()
    .join('\n')
}
