import type { Cast, Caster, CastResult } from '../../src/cast/cast.ts'
import type { CellId, HostName } from '../../src/events/event.ts'
import { hostName } from '../journal/submissions.ts'
import type { Action, CreateHosts } from './hosts.ts'
import type { Random } from './random.ts'
import type { Reference } from './reference.ts'

export const CELLS: readonly { readonly cell: CellId; readonly hosts: readonly HostName[] }[] = [
  { cell: 'c1' as CellId, hosts: ['h1', 'h2'].map(hostName) },
  { cell: 'c2' as CellId, hosts: ['h3', 'h4'].map(hostName) },
]
const CELL_IDS = CELLS.map(({ cell }) => cell)
const HOST_NAMES = CELLS.flatMap(({ hosts }) => hosts)
const AWAY: CastResult = { kind: 'away', reason: 'the broker is away' }
const NO_QUEUE: CastResult = { kind: 'returned', reason: 'no queue' }
const UNREADY: CastResult = { kind: 'unready', reason: 'an instance action cannot be written' }

/** A message on its way to the broker, and back as its confirm. */
interface Message {
  readonly cast: Cast
  /** What the broker did with it; null while it has not come there. */
  result: CastResult | null
  readonly tell: (result: CastResult) => void
}

/**
 * A broker for each cell with a queue for each host. It takes the messages to a host in the order in which they were sent, and its
 * confirms come back in any order. What a lost connection leaves behind was taken or not: nobody can tell.
 */
export const createBrokers: CreateHosts = (reference) => {
  const messages = new Map<HostName, Message[]>(HOST_NAMES.map((host) => [host, []]))
  const withoutQueue = new Set<HostName>()
  const down = new Set<CellId>()
  let reachable: (host: HostName | null) => void = () => {}

  const messagesTo = (host: HostName): Message[] => messages.get(host) ?? []
  const cast = (it: Cast) =>
    new Promise<CastResult>((resolve) => {
      if (it.cell !== null && down.has(it.cell)) resolve(AWAY)
      else messagesTo(it.host).push({ cast: it, result: null, tell: resolve })
    })
  const take = (host: HostName, most: number, random: Random | null): boolean => {
    const taken = messagesTo(host).filter(isOnItsWay)
    for (const message of taken.slice(0, most)) {
      const isPoison = random?.chance(0.02) ?? false
      const isUnready = random?.chance(0.02) ?? false
      if (withoutQueue.has(host)) message.result = NO_QUEUE
      else message.result = isUnready ? UNREADY : arrive(message.cast, isPoison, reference)
    }
    return taken.length > 0
  }
  const confirm = (host: HostName, which: number): boolean => {
    const done = messagesTo(host).filter(isDone)
    const message = done[which % Math.max(done.length, 1)]
    if (message?.result === undefined || message.result === null) return false
    messagesTo(host).splice(messagesTo(host).indexOf(message), 1)
    message.tell(message.result)
    return true
  }
  const lose = (isLost: (message: Message) => boolean) => {
    for (const [host, all] of messages) {
      messages.set(host, [])
      for (const message of all)
        if (isLost(message)) message.tell(AWAY)
        else messagesTo(host).push(message)
    }
  }
  const withHost =
    (act: (host: HostName, random: Random) => boolean): Action =>
    (random) =>
      act(random.pick(HOST_NAMES), random)
  /** One of the hosts that have such messages. */
  const withMessages =
    (isSuch: (message: Message) => boolean, act: (host: HostName, random: Random) => boolean): Action =>
    (random) => {
      const some = HOST_NAMES.filter((host) => messagesTo(host).some(isSuch))
      return some.length > 0 && act(random.pick(some), random)
    }
  const toggle = <Item>(set: Set<Item>, item: Item, onGone: () => void) => {
    if (set.delete(item)) onGone()
    else set.add(item)
    return true
  }
  return {
    isFinal: true,
    begin: () => {
      const caster: Caster = {
        isFinal: true,
        cast,
        onReachable: (listener) => {
          reachable = listener
        },
        close: async () => lose(() => true),
      }
      return caster
    },
    crash: () => {
      reachable = () => {}
      for (const host of HOST_NAMES) messages.set(host, [])
    },
    mend: () => {
      withoutQueue.clear()
      down.clear()
      reachable(null)
    },
    settle: () => {
      let isAny = false
      for (const host of HOST_NAMES) {
        take(host, Number.POSITIVE_INFINITY, null)
        while (confirm(host, 0)) isAny = true
      }
      return isAny
    },
    steps: {
      take: { weight: 14, take: withMessages(isOnItsWay, (host, random) => take(host, 1 + random.below(4), random)) },
      confirm: { weight: 14, take: withMessages(isDone, (host, random) => confirm(host, random.below(1000))) },
      'lose a connection': {
        weight: 1,
        take: (random) => {
          const cell = random.pick(CELL_IDS)
          lose((message) => message.cast.cell === cell)
          reachable(null)
          return true
        },
      },
      'broker down or up': {
        weight: 1,
        take: (random) => {
          const cell = random.pick(CELL_IDS)
          toggle(down, cell, () => reachable(null))
          lose((message) => message.cast.cell === cell)
          return true
        },
      },
      'queue gone or back': { weight: 1, take: withHost((host) => toggle(withoutQueue, host, () => {})) },
      'host may be reachable': {
        weight: 1,
        take: withHost((host) => {
          reachable(host)
          return true
        }),
      },
    },
  }
}

const isDone = ({ result }: Message) => result !== null
const isOnItsWay = (message: Message) => !isDone(message)

/** A message comes into its host's queue; where it is poison, without the first of its deliveries, which never can. */
function arrive({ host, deliveries }: Cast, isPoison: boolean, reference: Reference): CastResult {
  const [first, ...others] = deliveries
  if (isPoison) reference.failed(host, first.eventId)
  for (const { eventId } of isPoison ? others : deliveries) reference.arrived(host, eventId)
  return isPoison ? { kind: 'failed', failed: [{ delivery: first, reason: 'it cannot be cast' }] } : { kind: 'taken' }
}
