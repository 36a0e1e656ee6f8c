import { CAPTURED } from './captured.ts'
import type { EventBody, Posted } from './observe.ts'

/** The servers that requests can be about. */
export interface Servers {
  /** As Nova makes them: one on the first host of the test, one on the second. */
  readonly plain: string
  readonly other: string
  /** With everything that a server can carry, on the first host. */
  readonly rich: string
  /** Those three, and one more of each kind, on both hosts. */
  readonly all: readonly string[]
  /** A captured request, about servers that are there. */
  captured(name: string): Posted
}

/** A request to send to both. */
export interface Situation {
  readonly name: string
  readonly posted: (servers: Servers) => Posted
}

const NAMES = [
  ['network-changed', '2.1', 'a-port'],
  ['network-vif-plugged', '2.1', 'a-port'],
  ['network-vif-unplugged', '2.1', 'a-port'],
  ['network-vif-deleted', '2.1', 'a-port'],
  ['volume-extended', '2.51', 'a-volume'],
  ['power-update', '2.76', 'POWER_OFF'],
  ['accelerator-request-bound', '2.82', 'a-request'],
  ['volume-reimaged', '2.93', 'a-volume'],
] as const

const SENDERS = ['cinder', 'ironic', 'cyborg', 'nova', 'admin', 'system', 'demo', 'serviceonly'] as const

export const JSON_TYPE = { 'content-type': 'application/json' }
const at = (version: string) => ({ headers: { ...JSON_TYPE, 'openstack-api-version': `compute ${version}` } })
const withId = (id: string) => ({ headers: { ...at('2.93').headers, 'x-openstack-request-id': id } })

/** These events are posted: by neutron at 2.93, unless `more` says otherwise. */
const posting = (name: string, events: (servers: Servers) => readonly EventBody[], more: Partial<Posted> = {}): Situation => ({
  name,
  posted: (servers) => ({ ...at('2.93'), body: { events: events(servers) }, ...more }),
})

const changed = (server_uuid: string): EventBody => ({ server_uuid, name: 'network-changed' })
const extended = (server_uuid: string): EventBody => ({ server_uuid, name: 'volume-extended', tag: 'a-volume' })
const power = (server_uuid: string, tag: string): EventBody => ({ server_uuid, name: 'power-update', tag })
const everything = (server_uuid: string): EventBody[] => NAMES.map(([name, , tag]) => ({ server_uuid, name, tag }))

/** Captured servers have no network information: what that changes is a situation of its own. */
const mostly = (server_uuid: string): EventBody[] => everything(server_uuid).filter(({ name }) => name !== 'network-vif-deleted')

/** The server of a captured situation. */
const of = ({ captured }: Servers, name: string): string => captured(name).body.events[0]?.server_uuid ?? ''

/** Every captured one, and those that were not. */
export const SITUATIONS: readonly Situation[] = [
  ...CAPTURED.map(({ name }): Situation => ({ name, posted: ({ captured }) => captured(name) })),
  ...NAMES.map(([name, version, tag]) =>
    posting(`${name} at ${version}, the first that has it`, ({ plain }) => [{ server_uuid: plain, name, tag }], at(version)),
  ),
  ...SENDERS.map((by) => posting(`sent by ${by}`, ({ plain }) => [changed(plain), extended(plain)], { by })),

  posting('every name, about a plain server', ({ plain }) => everything(plain)),
  posting('every name, about one with all that a server can carry', ({ rich }) => everything(rich)),
  posting('every name, about several servers of two hosts in turn', ({ all }) =>
    NAMES.flatMap(([name, , tag]) => all.map((server_uuid) => ({ server_uuid, name, tag }))),
  ),
  posting('every name with every status', ({ plain }) =>
    ['failed', 'completed', 'in-progress'].flatMap((status) => everything(plain).map((event) => ({ ...event, status }))),
  ),
  posting('every name without a tag', ({ plain }) => NAMES.map(([name]) => ({ server_uuid: plain, name }))),
  posting('every name with an empty tag', ({ plain }) => NAMES.map(([name]) => ({ server_uuid: plain, name, tag: '' }))),
  posting('tags of all sorts of letters', ({ plain }) =>
    ['ü€😀', '"quoted"\\', '{{tag}}', ' ', '\u2028', '\u0000'].map((tag) => ({ ...changed(plain), tag })),
  ),
  posting('a hundred events', ({ all }) =>
    Array.from({ length: 100 }, (_, index) => ({ ...changed(all[index % all.length] ?? ''), tag: `port-${index}` })),
  ),
  posting('no event', () => []),
  posting(
    'a name that came later than the microversion',
    ({ plain }) => [{ server_uuid: plain, name: 'volume-reimaged' }],
    at('2.92'),
  ),

  posting('volumes of several servers, of one twice', ({ all, plain }) => [...all, plain].map(extended)),
  posting('power states: on and off, both twice, and some that Nova does not know', ({ plain, other }) => [
    ...['POWER_ON', 'REBOOT', 'POWER_OFF', 'POWER_ON', 'power_on', 'POWER_OFF'].map((tag) => power(plain, tag)),
    changed(other),
    power(other, 'REBOOT'),
  ]),
  posting('only power states that Nova does not know, for two servers of one host', ({ plain, rich, other }) => [
    power(plain, 'REBOOT'),
    power(rich, 'SUSPEND'),
    changed(other),
  ]),
  posting('a power state that Nova does not know beside another server of its host', ({ plain, rich }) => [
    power(plain, 'REBOOT'),
    changed(rich),
  ]),

  posting('every name, about one that moves with all that it holds on both hosts', (servers) =>
    mostly(of(servers, 'migrating-resize-full')),
  ),
  posting('some that move and some that stay', (servers) =>
    [of(servers, 'migrating-live'), ...servers.all, of(servers, 'migrating-resize-full')].flatMap(mostly),
  ),
  posting('deleted, soft-deleted, hidden, unknown, without a host, and good ones, mixed', (servers) =>
    [
      ...['deleted', 'shelved-offloaded', 'hidden', 'soft-deleted', 'in-cell0', 'no-mapping'].map((name) => of(servers, name)),
      ...[servers.plain, '00000000-1111-4222-8333-444444444444', servers.other, servers.plain.toUpperCase()],
    ].flatMap(mostly),
  ),
  posting('none that can be told', (servers) =>
    ['hidden', 'in-cell0', 'shelved-offloaded'].flatMap((name) => everything(of(servers, name))),
  ),
  posting('a VIF deleted of a server without network information, and more', (servers) =>
    NAMES.slice(2, 6).map(([name, , tag]) => ({ server_uuid: of(servers, 'info-cache-row-null'), name, tag })),
  ),

  posting(
    "with the sender's own request id",
    ({ plain }) => [extended(plain)],
    withId('req-0a1b2c3d-0000-4000-8000-0123456789ab'),
  ),
  posting('with a request id that has not its form', ({ plain }) => [extended(plain)], withId('mine')),
  posting('with the older header of a microversion', ({ plain }) => [changed(plain)], {
    headers: { ...JSON_TYPE, 'x-openstack-nova-api-version': '2.20' },
  }),
  posting('at the latest microversion', ({ plain }) => [changed(plain)], at('latest')),
  posting('without a microversion', ({ plain }) => [changed(plain)], { headers: JSON_TYPE }),
]
