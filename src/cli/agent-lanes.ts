import type { Delivery, Receipt } from '../sdk/index.ts'

/** How to deal with deliveries. */
export interface LanesOptions {
  /** How many may be dealt with at the same time. */
  readonly concurrency: number
  /** Deals with one and says what came of it; null: it is to come again. Must not reject. */
  readonly handle: (delivery: Delivery) => Promise<Receipt | null>
  /** Called for each that was dealt with, and again when it comes again. */
  readonly onHandled: (receipt: Receipt) => void
}

/** Deals with deliveries side by side, those of one server strictly one after another. */
export interface Lanes {
  /** Takes a delivery. Repeats of what waits or runs are left out. */
  add(delivery: Delivery): void
  /** Starts nothing more and resolves when what runs has ended. */
  stop(): Promise<void>
}

/**
 * The deliveries of one server, in one of these states:
 *
 *     free ──add──► waiting/running ──dealt with──► … ──► free
 *                          │
 *                          └─to come again──► blocked: what stands behind that one is skipped until it comes again
 *
 * What was skipped is not acknowledged, so the service sends it again too, behind the failed one: order is kept.
 */
interface Lane {
  readonly waiting: Delivery[]
  running: boolean
  blocked: { readonly by: string; readonly skipped: Set<string> } | null
}

/** Remembered, to answer repeats of what was dealt with: more than a host ever has unacknowledged. */
const REMEMBERED = 10_000

/** Lanes for the deliveries of one host. */
export function createLanes({ concurrency, handle, onHandled }: LanesOptions): Lanes {
  const lanes = new Map<string, Lane>()
  const ready: string[] = []
  const underWay = new Set<string>()
  const handled = new Map<string, Receipt>()
  let running = 0
  let stopped: (() => void) | null = null

  const remember = (receipt: Receipt) => {
    handled.set(receipt.id, receipt)
    for (const oldest of handled.keys()) {
      if (handled.size <= REMEMBERED) break
      handled.delete(oldest)
    }
  }

  const settle = (lane: Lane, delivery: Delivery, receipt: Receipt | null) => {
    underWay.delete(delivery.id)
    if (receipt !== null) {
      remember(receipt)
      onHandled(receipt)
      return
    }
    const skipped = lane.waiting.splice(0).map(({ id }) => id)
    for (const id of skipped) underWay.delete(id)
    lane.blocked = { by: delivery.id, skipped: new Set(skipped) }
  }

  const runNext = async (server: string, lane: Lane, delivery: Delivery) => {
    running++
    lane.running = true
    const receipt = await handle(delivery)
    running--
    lane.running = false
    settle(lane, delivery, receipt)
    if (lane.waiting.length > 0) ready.push(server)
    else if (lane.blocked === null) lanes.delete(server)
    pump()
  }

  const pump = () => {
    if (stopped !== null) {
      if (running === 0) stopped()
      return
    }
    while (running < concurrency) {
      const server = ready.shift()
      const lane = server === undefined ? undefined : lanes.get(server)
      const delivery = lane?.waiting.shift()
      if (server === undefined || lane === undefined || delivery === undefined) return
      void runNext(server, lane, delivery)
    }
  }

  return {
    add: (delivery) => {
      if (underWay.has(delivery.id) || stopped !== null) return
      const before = handled.get(delivery.id)
      if (before !== undefined) {
        onHandled(before)
        return
      }
      const server = delivery.server_uuid
      const lane = lanes.get(server) ?? { waiting: [], running: false, blocked: null }
      lanes.set(server, lane)
      if (!admit(lane, delivery.id)) return
      underWay.add(delivery.id)
      if (lane.waiting.push(delivery) === 1 && !lane.running) ready.push(server)
      pump()
    },
    stop: () =>
      new Promise((resolve) => {
        stopped = resolve
        pump()
      }),
  }
}

/**
 * Whether it is this delivery's turn. Behind a failed one it is not, until that comes again. When one that was skipped comes a
 * second time and the failed one did not come before it, the failed one is over (somebody else acknowledged it).
 */
function admit(lane: Lane, id: string): boolean {
  if (lane.blocked === null) return true
  const { by, skipped } = lane.blocked
  if (id > by && !skipped.has(id)) {
    skipped.add(id)
    return false
  }
  lane.blocked = null
  return true
}
