import { createTimeToLive } from '../../src/delivery/time-to-live.ts'
import type { EventId, ExternalEvent, HostName, ServerId } from '../../src/events/event.ts'
import { merges } from '../../src/events/names.ts'
import type { DecidedEvent, DeliveryRecord, EventRecord, Submission } from '../../src/journal/journal.ts'
import type { Clock } from './clock.ts'

/** How hosts deal with repeats, and so what order means there. */
export type Repeats =
  /** An agent drops what it had before: the first arrivals are in order. */
  | 'dropped'
  /** nova-compute does it again: what it does last is what stays. */
  | 'done-again'

const NEWER = /^a newer event says the same: (.+)$/
const NO_HOST_IN_TIME = 'the server got no host in time'
const TRIED_TOO_OFTEN = /^not acknowledged within .*, 20 times$/

interface Arrival {
  readonly host: HostName
  readonly eventId: EventId
  /** The latest that the clock had shown. */
  readonly latestMs: number
}

/**
 * What must be true of a journal and its hosts whatever happens, kept by the simplest means: lists of what was accepted and of what
 * arrived, and nothing of how.
 */
export interface Reference {
  /** It is on disk. Called in the order of commits. */
  committed(submission: Submission): void
  /** Its sender was answered 200 or 207. */
  answered(requestId: string): void
  /** Its sender was answered 503. */
  refused(requestId: string): void
  /** A host got a delivery. */
  arrived(host: HostName, eventId: EventId): void
  /** A host was told that its acknowledgement is kept. */
  acknowledged(host: HostName, eventIds: readonly EventId[]): void
  /** A host could never be handed this. */
  failed(host: HostName, eventId: EventId): void
  /** A server is on these hosts from now on. */
  moved(server: ServerId, hosts: readonly HostName[]): void
  /** Something was seen that must never be. */
  wrong(what: string): void
  /** Everything that is wrong with these stories, which are all there are, in the order of commits. */
  objectionsTo(stories: readonly EventRecord[]): readonly string[]
}

export function createReference(repeats: Repeats, clock: Pick<Clock, 'latestMs'>): Reference {
  const { expiresAtMs } = createTimeToLive()
  const events = new Map<EventId, DecidedEvent & { readonly receivedAtUs: number; readonly place: number }>()
  const answers = new Map<string, 'accepted' | 'refused'>()
  const arrivals: Arrival[] = []
  const arrived = new Set<string>()
  const acknowledged = new Set<string>()
  const failed = new Set<string>()
  const wrongs: string[] = []
  /** Where each server was, and since how many events had been committed. */
  const places = new Map<ServerId, readonly { readonly hosts: ReadonlySet<HostName>; readonly since: number }[]>()
  const keyOf = (host: HostName, eventId: EventId) => `${host} ${eventId}`

  const objectionToEnd = (eventId: EventId, { host, state, lastError }: DeliveryRecord): string | null => {
    const event = events.get(eventId)
    const key = keyOf(host, eventId)
    if (event === undefined) return 'is of nobody'
    const own = places.get(event.event.serverId) ?? []
    const wasAway = own.some(({ hosts }, i) => !hosts.has(host) && (own[i + 1]?.since ?? event.place + 1) > event.place)
    switch (state) {
      case 'pending':
        return 'is still open'
      case 'dispatched':
        if (repeats === 'dropped') return 'is still open'
        return arrived.has(key) ? null : 'ended as dispatched and never arrived'
      case 'acknowledged':
        return arrived.has(key) ? null : 'was acknowledged and never arrived'
      case 'expired':
        return expiresAtMs(event) <= clock.latestMs ? null : 'expired before its time'
      case 'superseded':
        if (wasAway || (event !== undefined && isOutdated(event, lastError))) return null
        return `was superseded (${lastError}) while its server was there`
      case 'failed':
        return failed.has(key) || wasAway || (arrived.has(key) && TRIED_TOO_OFTEN.test(lastError ?? ''))
          ? null
          : `failed (${lastError}) though nothing was wrong with it`
    }
  }
  /** Whether the newer event that is said to stand for it says the same. */
  const isOutdated = ({ event, place }: { event: ExternalEvent; place: number }, lastError: string | null): boolean => {
    const by = events.get(NEWER.exec(lastError ?? '')?.[1] as EventId)
    if (by === undefined || by.place <= place || !merges(event.name)) return false
    return by.event.serverId === event.serverId && by.event.name === event.name && by.event.tag === event.tag
  }
  const objectionsToStory = (story: EventRecord): readonly string[] => {
    const event = events.get(story.id)
    if (event === undefined) return ['is in the journal and was never committed']
    if (event.outcome.code !== story.code) return [`has the code ${story.code} and not ${event.outcome.code}`]
    if (new Set(story.replays.map(({ run }) => run)).size < story.replays.length) return ['was replayed twice in one run']
    const destinations = event.outcome.kind === 'accepted' ? event.outcome.destinations : []
    const missing = destinations.filter(({ host }) => !story.deliveries.some((each) => each.host === host))
    const objections = missing.map(({ host }) => `has no delivery to ${host}`)
    if (event.outcome.kind === 'deferred') {
      if (story.deferral === null || story.deferral.state === 'waiting') objections.push('still waits to be located')
      const hadNoHost = (places.get(event.event.serverId) ?? []).some(({ hosts }) => hosts.size === 0)
      const isOver = expiresAtMs(event) <= clock.latestMs || (hadNoHost && story.deferral?.reason === NO_HOST_IN_TIME)
      if (story.deferral?.state === 'expired' && !isOver)
        objections.push(`expired unlocated before its time (${story.deferral.reason})`)
      if (story.deferral?.state === 'located' && story.deliveries.length === 0) objections.push('was located and has no delivery')
    }
    for (const delivery of story.deliveries) {
      const objection = objectionToEnd(story.id, delivery)
      if (objection !== null) objections.push(`to ${delivery.host}, ${delivery.state} after ${delivery.attempts}, ${objection}`)
    }
    return objections
  }
  const objectionsToOrder = (stories: readonly EventRecord[]): readonly string[] => {
    const places = new Map(stories.map(({ id }, place) => [id, place]))
    const counting = new Map<string, Arrival>()
    const last = repeats === 'done-again'
    const without = new Set(
      stories.flatMap(({ id, deliveries }) => outOfOrder(deliveries, repeats).map((host) => keyOf(host, id))),
    )
    for (const arrival of arrivals) {
      const key = keyOf(arrival.host, arrival.eventId)
      if (without.has(key)) continue
      if (last) counting.delete(key)
      if (!counting.has(key)) counting.set(key, arrival)
    }
    const reached = new Map<string, Arrival>()
    const said = new Map<string, number>()
    const objections: string[] = []
    for (const arrival of counting.values()) {
      const event = events.get(arrival.eventId)
      const way = `${event?.event.serverId} to ${arrival.host}`
      const before = reached.get(way)
      const isBehind = before !== undefined && (places.get(before.eventId) ?? -1) > (places.get(arrival.eventId) ?? -1)
      // Passed over when its time was over, and brought back by a clock that was set back.
      const wasOver = event !== undefined && before !== undefined && expiresAtMs(event) <= before.latestMs
      // Passed over because a newer one said the same, which has come; that it was is not on disk where a crash came between.
      const newest = event === undefined ? -1 : (said.get(saying(arrival.host, event.event)) ?? -1)
      const wasSaid = event !== undefined && newest > event.place
      if (event !== undefined && merges(event.event.name))
        said.set(saying(arrival.host, event.event), Math.max(newest, event.place))
      if (isBehind && !wasOver && !wasSaid)
        objections.push(`${arrival.eventId} reached ${arrival.host} behind ${before.eventId}, which was accepted later`)
      else reached.set(way, arrival)
    }
    return objections
  }
  return {
    committed: ({ events: decided, receivedAtUs }) => {
      for (const event of decided) events.set(event.id, { ...event, receivedAtUs, place: events.size })
    },
    answered: (requestId) => void answers.set(requestId, 'accepted'),
    refused: (requestId) => void answers.set(requestId, 'refused'),
    arrived: (host, eventId) => {
      if (!events.has(eventId)) wrongs.push(`${eventId} reached ${host} before it was on disk`)
      arrivals.push({ host, eventId, latestMs: clock.latestMs })
      arrived.add(keyOf(host, eventId))
    },
    acknowledged: (host, eventIds) => {
      for (const eventId of eventIds) acknowledged.add(keyOf(host, eventId))
    },
    failed: (host, eventId) => void failed.add(keyOf(host, eventId)),
    moved: (server, hosts) => {
      places.set(server, [...(places.get(server) ?? []), { hosts: new Set(hosts), since: events.size }])
    },
    wrong: (what) => void wrongs.push(what),
    objectionsTo: (stories) => {
      const told = new Set(stories.map(({ requestId }) => requestId))
      const objections = [...wrongs]
      for (const [requestId, answer] of answers)
        if (told.has(requestId) !== (answer === 'accepted')) objections.push(`${requestId} was ${answer} and is otherwise kept`)
      const order = [...events.keys()]
      if (stories.some(({ id }, i) => id !== order[i])) objections.push('the journal is not in the order of commits')
      for (const story of stories)
        for (const objection of objectionsToStory(story))
          objections.push(`${story.id} (${story.event.name} of ${story.event.serverId}) ${objection}`)
      for (const { id, deliveries } of stories)
        for (const { host, state } of deliveries)
          if (acknowledged.has(keyOf(host, id)) && state !== 'acknowledged' && !isEndBefore(state))
            objections.push(`${id} was acknowledged by ${host} and is ${state}`)
      return [...objections, ...objectionsToOrder(stories)]
    },
  }
}

/** What an event tells a host. */
function saying(host: HostName, { serverId, name, tag }: ExternalEvent): string {
  return `${host} ${serverId} ${name} ${tag}`
}

/** What may have ended a delivery before its host's acknowledgement came. */
function isEndBefore(state: DeliveryRecord['state']): boolean {
  return state === 'expired' || state === 'superseded' || state === 'failed'
}

/**
 * Hosts to which a delivery of an event has no place among the others of its server: over a broker, it ended otherwise than by a confirm,
 * though it may have arrived, so that what stood before it may arrive again.
 */
function outOfOrder(deliveries: readonly DeliveryRecord[], repeats: Repeats): readonly HostName[] {
  if (repeats === 'dropped') return []
  return deliveries.filter(({ state }) => state !== 'dispatched').map(({ host }) => host)
}
