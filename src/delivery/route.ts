import type { CellId, Destination, HostName, Whereabouts } from '../events/event.ts'

/** What Nova's database says of a server, handed on unseen. */
export type KnownInstance = Extract<Whereabouts, { readonly kind: 'located' }>['instance']

/** What is to become of a delivery that was accepted some time ago, now that its server has been located again. */
export type Route =
  | { readonly kind: 'cast'; readonly cell: CellId | null; readonly instance: KnownInstance }
  /** The server is on other hosts now. */
  | { readonly kind: 'moved'; readonly to: readonly [Destination, ...Destination[]] }
  | { readonly kind: 'failed'; readonly reason: string }
  /** It cannot be told now. */
  | { readonly kind: 'wait'; readonly reason: string }

/** Where a delivery to this host leads, given where its server is now. */
export function route(host: HostName, server: Whereabouts | undefined): Route {
  switch (server?.kind) {
    case undefined:
    case 'unknown':
      return { kind: 'failed', reason: 'the server is not known any more' }
    case 'unassigned':
      return { kind: 'failed', reason: 'the server is on no host any more' }
    case 'unlocated':
      return { kind: 'wait', reason: `the server cannot be located: ${server.reason}` }
    case 'located': {
      const here = server.destinations.find((destination) => destination.host === host)
      if (here === undefined) return { kind: 'moved', to: server.destinations }
      return { kind: 'cast', cell: here.cell, instance: server.instance }
    }
  }
}
