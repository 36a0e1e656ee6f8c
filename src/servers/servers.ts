import type { ServerId, Whereabouts } from '../events/event.ts'

/** Answers one question: which host(s) is this server on? Two implementations: `registry/` (SQLite), `nova/` (every cell). */
export interface Servers {
  /**
   * Where each of these servers is now. Every id asked for is a key of the answer. Callers may ask at any rate: the
   * implementation gathers the ids of all requests in flight into as few queries as there are databases.
   * Never rejects for a server's or a cell's sake; rejects with `ServersUnavailable` when nothing can be looked up.
   */
  locate(ids: readonly ServerId[]): Promise<ReadonlyMap<ServerId, Whereabouts>>
  /** Whether the journal lets what waits for a server follow it as soon as it moves, so that nobody need ask. */
  readonly areMovesTold?: boolean
}

/** No server at all can be located now (the registry's or nova_api's database is away): the request is answered 503. */
export class ServersUnavailable extends Error {
  override readonly name = 'ServersUnavailable'
}
