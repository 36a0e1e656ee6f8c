import type { Row } from './databases.ts'
import type { Cast, Observed } from './observe.ts'

/** What novacast does otherwise than nova-api, on purpose. docs/differences.md says it to users. */
export type Difference =
  | {
      readonly kind: 'changed'
      readonly reason: string
      /** What novacast does, where nova-api did this. */
      readonly instead: (nova: Observed) => Observed
    }
  | {
      /** Nova fails the whole request. */
      readonly kind: 'failed'
      readonly reason: string
      /** What novacast answers to each event. */
      readonly codes: readonly number[]
      /** To which hosts it casts, by the captured names. */
      readonly casts: readonly string[]
    }

const failed = (reason: string, codes: readonly number[], casts: readonly string[]): Difference => ({
  kind: 'failed',
  reason,
  codes,
  casts,
})
const changed = (reason: string, change: (casts: readonly Cast[]) => readonly Cast[]): Difference => ({
  kind: 'changed',
  reason,
  instead: (nova) => ({ ...nova, casts: change(nova.casts) }),
})

type WireObject = { readonly 'nova_object.version': string; readonly 'nova_object.data': Row }
interface Args {
  readonly instances: readonly WireObject[]
  readonly events: readonly WireObject[]
}

const argsOf = ({ message }: Cast): Args => message['args'] as Args
const withArgs = (cast: Cast, args: Partial<Args>): Cast => ({
  ...cast,
  message: { ...cast.message, args: { ...argsOf(cast), ...args } },
})

const withRequestId = (cast: Cast): Cast => ({
  ...cast,
  message: { ...cast.message, _context_request_id: 'the id of the request' },
})

const withEventVersion = (version: string, cast: Cast): Cast =>
  withArgs(cast, { events: argsOf(cast).events.map((event) => ({ ...event, 'nova_object.version': version })) })

function withoutIdleServers(cast: Cast): Cast {
  const { instances, events } = argsOf(cast)
  const told = new Set(events.map((event) => event['nova_object.data']['instance_uuid']))
  return withArgs(cast, { instances: instances.filter((each) => told.has(each['nova_object.data']['uuid'])) })
}

/** The row holds one VIF with nothing but its id. */
function withStoredNetwork(cast: Cast): Cast {
  const bare = (key: string, value: unknown) =>
    key === 'network_info' && Array.isArray(value) ? value.map(({ id }: { id: string }) => ({ id })) : value
  return JSON.parse(JSON.stringify(cast), bare)
}

const cutBehind = (cast: Cast, count: number): readonly Cast[] => {
  const { events } = argsOf(cast)
  return [withArgs(cast, { events: events.slice(0, count) }), withArgs(cast, { events: events.slice(count) })]
}

const NO_CELL = 'of several servers, one without a cell is 422 for its own event'
const NO_MIGRATION = 'where the row of a migration is gone, the host of the server is still known'
const NO_EVENTS = 'a message without events is not sent'

/** By the name of the situation. */
export const DIFFERENCES: ReadonlyMap<string, Difference> = new Map([
  ['mapping-without-cell', failed(NO_CELL, [422], [])],
  ['good-and-mapping-without-cell', failed(NO_CELL, [200, 422], ['compute-1'])],
  ['migration-row-missing', failed(NO_MIGRATION, [200], ['compute-1'])],
  ['good-and-migration-row-missing', failed(NO_MIGRATION, [200, 200], ['compute-1'])],
  ['cross-cell-unmapped-host', failed('a host that is in no cell is left out', [200], ['compute-1'])],

  ['migrating-no-dest', changed('one host gets the message once', (casts) => casts.slice(1))],
  [
    'migrating-cross-cell',
    changed('casts have the id of their request, where Nova makes up one for each', (casts) => casts.map(withRequestId)),
  ],
  [
    'migrating-to-unknown-host',
    changed('a host without a row in services is spoken to in the lowest version that can say it', (casts) =>
      casts.map((cast) => (cast.routingKey.includes('compute-9') ? withEventVersion('1.0', cast) : cast)),
    ),
  ],
  [
    'info-cache-deleted-row',
    changed('a network cache goes out as it stands, without the defaults that nova-compute fills in', (casts) =>
      casts.map(withStoredNetwork),
    ),
  ],
  ['power-update-other-tag', changed(NO_EVENTS, () => [])],
  [
    'only power states that Nova does not know, for two servers of one host',
    changed(NO_EVENTS, (casts) => casts.filter((cast) => argsOf(cast).events.length > 0)),
  ],
  [
    'a power state that Nova does not know beside another server of its host',
    changed('a server of which nothing is told is not listed', (casts) => casts.map(withoutIdleServers)),
  ],
  [
    'a VIF deleted of a server without network information, and more',
    changed('what nova-compute fails at ends its message, so that the rest is not lost', (casts) =>
      casts.flatMap((cast) => cutBehind(cast, 2)),
    ),
  ],
])
