import { LRUCache } from 'lru-cache'
import type { Destination, HostName, ServerId, Whereabouts } from '../../events/event.ts'
import { batchByTick } from '../batch.ts'
import { type Servers, ServersUnavailable } from '../servers.ts'

/** What an operator says of a server. */
export interface ServerEntry {
  /** Canonical: lower case, with dashes. */
  readonly uuid: ServerId
  /** Where it runs; null: nowhere (built but not placed, shelved). */
  readonly host: HostName | null
  /** Where it is moving to; events go to both meanwhile. */
  readonly movingTo: HostName | null
  readonly projectId: string | null
  readonly name: string | null
}

/** A server as the registry holds it. */
export interface RegisteredServer extends ServerEntry {
  /** Microseconds since the epoch. */
  readonly updatedAtUs: number
}

/** Which servers to list: by uuid, behind `after`. */
export interface ServerQuery {
  /** Servers on this host or moving to it. */
  readonly host?: HostName
  readonly after?: ServerId
  readonly limit: number
}

/**
 * The embedded answer to "which host is this server on?", kept in the journal's SQLite file. What a call has resolved is durable,
 * seen by the very next `locate`, and followed by all that waits for the server. uuids match byte by byte. Rejects with `ServersUnavailable` when the file cannot be written
 * or read.
 */
export interface Registry extends Servers {
  /** Creates or replaces a server. */
  put(server: ServerEntry): Promise<{ readonly created: boolean; readonly server: RegisteredServer }>
  get(uuid: ServerId): Promise<RegisteredServer | null>
  /** Whether there was one. */
  remove(uuid: ServerId): Promise<boolean>
  list(query: ServerQuery): Promise<readonly RegisteredServer[]>
  /**
   * Creates or replaces any number of servers, in bounded memory, while commits of the journal go on in between. Written in
   * chunks: when it rejects, a first part may have been imported (importing again is harmless). Answers how many were read.
   */
  importServers(servers: Iterable<ServerEntry> | AsyncIterable<ServerEntry>): Promise<number>
}

/** Where a server is and where it moves to. */
export interface ServerPlace {
  readonly host: HostName | null
  readonly movingTo: HostName | null
}

/** The rows that a registry rests on. Writes are durable when they resolve, and then seen by every read. */
export interface ServerRows {
  /** The places of those that are there. */
  places(uuids: readonly ServerId[]): ReadonlyMap<ServerId, ServerPlace>
  get(uuid: ServerId): Promise<RegisteredServer | null>
  list(query: ServerQuery): Promise<readonly RegisteredServer[]>
  put(server: RegisteredServer): Promise<'created' | 'replaced'>
  remove(uuid: ServerId): Promise<boolean>
  putAll(servers: readonly RegisteredServer[]): Promise<void>
}

/** Servers written in one transaction: commits that come meanwhile wait some 10 ms for it. */
const CHUNK = 250

/**
 * Servers remembered, some 7 MB. Of a million servers with random uuids each stands on another page of the file, so that memory is
 * better spent here than on pages: 0.3 µs a server that is remembered, 1.5 to 4.5 µs one that is not.
 */
const REMEMBERED = 20_000

/** A registry over these rows. It must be the only one that writes them. */
export function createRegistry(rows: ServerRows): Registry {
  /**
   * Never stale for who asks after a write has resolved: rows are read and remembered in one go on this thread, so that what was
   * read before a write is remembered before the write ends, and then forgotten. A write that fails may have been done: it ends
   * like the others.
   */
  const remembered = new LRUCache<ServerId, Whereabouts>({ max: REMEMBERED })

  const load = batchByTick((ids: readonly ServerId[]) => {
    const places = rows.places(ids)
    return new Map(ids.map((id) => [id, remember(id, places.get(id))]))
  })
  const remember = (id: ServerId, place: ServerPlace | undefined): Whereabouts => {
    if (place === undefined) return UNKNOWN
    const whereabouts = toWhereabouts(place)
    remembered.set(id, whereabouts)
    return whereabouts
  }
  const write = async <Answer>(uuids: readonly ServerId[], written: Promise<Answer>): Promise<Answer> => {
    try {
      return await orUnavailable(written)
    } finally {
      for (const uuid of uuids) remembered.delete(uuid)
    }
  }

  return {
    areMovesTold: true,
    locate: async (ids) => {
      const found = new Map<ServerId, Whereabouts>()
      const missing: ServerId[] = []
      for (const id of ids) {
        const known = remembered.get(id)
        if (known === undefined) missing.push(id)
        else found.set(id, known)
      }
      if (missing.length === 0) return found
      const loaded = await orUnavailable(load(missing))
      for (const id of missing) found.set(id, loaded.get(id) ?? UNKNOWN)
      return found
    },
    put: async (entry) => {
      const server = { ...entry, updatedAtUs: nowUs() }
      return { created: (await write([entry.uuid], rows.put(server))) === 'created', server }
    },
    get: (uuid) => orUnavailable(rows.get(uuid)),
    remove: (uuid) => write([uuid], rows.remove(uuid)),
    list: (query) => orUnavailable(rows.list(query)),
    importServers: async (servers) => {
      let imported = 0
      for await (const chunk of chunksOf(servers)) {
        await write(
          chunk.map(({ uuid }) => uuid),
          rows.putAll(chunk),
        )
        imported += chunk.length
      }
      return imported
    },
  }
}

async function* chunksOf(servers: Iterable<ServerEntry> | AsyncIterable<ServerEntry>): AsyncGenerator<RegisteredServer[]> {
  let chunk: RegisteredServer[] = []
  for await (const entry of servers) {
    if (chunk.push({ ...entry, updatedAtUs: nowUs() }) < CHUNK) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

const UNKNOWN: Whereabouts = { kind: 'unknown' }

/** A server without a host is nowhere, even if it is bound for one: nova/api/openstack/compute/server_external_events.py. */
function toWhereabouts({ host, movingTo }: ServerPlace): Whereabouts {
  if (host === null) return { kind: 'unassigned' }
  const source: Destination = { host, cell: null }
  const moves = movingTo !== null && movingTo !== host
  return { kind: 'located', destinations: moves ? [source, { host: movingTo, cell: null }] : [source], instance: null }
}

const nowUs = () => Date.now() * 1000

/** Trouble with the file, in this part's word. */
async function orUnavailable<Answer>(asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked
  } catch (error) {
    throw new ServersUnavailable(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
