import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { CallContext, Cast, Caster, CastResult } from '../../src/cast/cast.ts'
import { createStreamCaster } from '../../src/cast/stream/create-stream-caster.ts'
import type { StreamCaster } from '../../src/cast/stream/stream-caster.ts'
import { createDeliveries, type DeliveryConfig } from '../../src/delivery/deliveries.ts'
import type { Deliveries } from '../../src/delivery/delivery.ts'
import type { Destination, ServerId, Whereabouts } from '../../src/events/event.ts'
import type { DecidedEvent, Journal, Submission } from '../../src/journal/journal.ts'
import { createHappenings, type Happenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import type { Servers } from '../../src/servers/servers.ts'
import { hostName, openJournal, silent, submission } from '../journal/journal-file.ts'

export const CONTEXT: CallContext = {
  caller: {
    ...{ userId: 'u', userName: 'neutron', userDomainId: null, projectId: 'p', projectName: null, projectDomainId: null },
    ...{ domainId: null, systemScope: null, roles: ['service'], serviceRoles: [], isAdminProject: false, catalog: [] },
  },
  token: null,
  isAdmin: true,
  remoteAddress: null,
}

/** A caster of the test's own: remembers what it is handed and does with it what the script says. */
export interface ScriptedCaster extends Caster {
  readonly casts: Cast[]
  script: (cast: Cast) => CastResult | Promise<CastResult>
  reachable(host: string | null): void
}

export function createScriptedCaster(): ScriptedCaster {
  const listeners: Parameters<Caster['onReachable']>[0][] = []
  const caster: ScriptedCaster = {
    isFinal: true,
    casts: [],
    script: () => ({ kind: 'taken' }),
    cast: async (cast) => {
      caster.casts.push(cast)
      return caster.script(cast)
    },
    onReachable: (listener) => void listeners.push(listener),
    reachable: (host) => {
      for (const listener of listeners) listener(host === null ? null : hostName(host))
    },
    close: async () => {},
  }
  return caster
}

/** Where servers are, as the test says; those it says nothing of are unknown. */
export interface ServerMap extends Servers {
  readonly places: Map<ServerId, Whereabouts>
  asked: number
}

export function createServerMap(): ServerMap {
  const map: ServerMap = {
    places: new Map(),
    asked: 0,
    locate: async (ids) => {
      map.asked++
      return new Map(ids.map((id) => [id, map.places.get(id) ?? { kind: 'unknown' }]))
    },
  }
  return map
}

export const on = (...hosts: readonly string[]): Whereabouts => {
  const [first, ...others] = hosts.map((host): Destination => ({ host: hostName(host), cell: null }))
  if (first === undefined) return { kind: 'unassigned' }
  return { kind: 'located', destinations: [first, ...others], instance: null }
}

/** Quick retries, so that tests are. */
export const QUICK: DeliveryConfig = {
  window: 100,
  ackTimeoutMs: 30_000,
  retry: { firstMs: 20, mostMs: 100 },
  sweepMs: 50,
}

/** A delivery engine over a real journal. */
export interface Stage<AnyCaster extends Caster> {
  readonly journal: Journal
  readonly caster: AnyCaster
  readonly servers: ServerMap
  readonly happenings: Happenings
  readonly deliveries: Deliveries
  /** Accepts a POST of these events as the API does. */
  post(events: readonly DecidedEvent[], about?: Partial<Submission>): Promise<Submission>
}

export interface StageParts<AnyCaster extends Caster> {
  readonly caster: AnyCaster
  readonly journal: Journal
  readonly servers?: ServerMap
  readonly happenings?: Happenings
  readonly config?: Partial<DeliveryConfig>
}

/** Begins to deliver; ends with the test. */
export async function setStage<AnyCaster extends Caster>(parts: StageParts<AnyCaster>): Promise<Stage<AnyCaster>> {
  const { journal, caster, servers = createServerMap(), happenings = createHappenings() } = parts
  const config = { ...QUICK, ...parts.config }
  const deliveries = createDeliveries({ journal, caster, servers, happenings, metrics: createMetrics(), log: silent, config })
  onTestFinished(() => deliveries.close())
  await deliveries.start()
  const post = async (events: readonly DecidedEvent[], about: Partial<Submission> = {}) => {
    const posted = submission(events, about)
    const searches = deliveries.searches(posted)
    const passedOn = await journal.commit(posted, searches)
    deliveries.accepted({ submission: posted, context: CONTEXT, whereabouts: servers.places, searches, passedOn })
    return posted
  }
  return { journal, caster, servers, happenings, deliveries, post }
}

/** The same over a new journal with a scripted caster. */
export async function scriptedStage(config: Partial<DeliveryConfig> = {}): Promise<Stage<ScriptedCaster>> {
  return setStage({ journal: await openJournal(), caster: createScriptedCaster(), config })
}

/** The same with streams. */
export async function streamStage(config: Partial<DeliveryConfig> = {}, made?: Journal): Promise<Stage<StreamCaster>> {
  const journal = made ?? (await openJournal())
  const happenings = createHappenings()
  const streamConfig = { ...QUICK, heartbeatMs: 15_000, ...config }
  const caster = createStreamCaster({ journal, happenings, metrics: createMetrics(), config: streamConfig })
  onTestFinished(() => caster.close())
  return setStage({ journal, caster, happenings, config })
}

/** Waits until this holds. */
export async function until(holds: () => boolean | Promise<boolean>, patienceMs = 30_000): Promise<void> {
  for (const endMs = performance.now() + patienceMs; ; await sleep(2)) {
    if (await holds()) return
    if (performance.now() > endMs) expect.unreachable(`not within ${patienceMs} ms: ${holds}`)
  }
}

/** The states of the deliveries of these events, in order. */
export async function statesOf(journal: Journal, events: readonly DecidedEvent[]): Promise<readonly string[]> {
  const records = await Promise.all(events.map(({ id }) => journal.event(id)))
  return records.flatMap((record) => record?.deliveries.map(({ host, state }) => `${host} ${state}`) ?? [])
}

/** The same journal for another life: its first claim names all hosts again, as it does after a restart. */
export function reborn(journal: Journal): Journal {
  let isFirst = true
  return {
    ...journal,
    claim: async () => {
      if (!isFirst) return journal.claim()
      isFirst = false
      return (await journal.hosts(null, 1000)).map(({ host }) => host)
    },
  }
}
