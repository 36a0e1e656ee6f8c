import { expect } from 'vitest'
import type { Client } from '../../src/sdk/index.ts'
import { waitFor } from '../stand/wait.ts'
import type { Arrival, Computes } from './computes.ts'
import type { Accepted } from './load.ts'

/** How accepted events stand against those that arrived. */
interface Account {
  readonly lost: readonly Accepted[]
  /** The last arrivals of these came behind the last arrival of one that was sent later to the same server. */
  readonly overtaken: readonly Arrival[]
  readonly repeats: number
}

/** What arrives twice counts where it comes last: nova-compute does it again, and what it does last is what stays. */
export function accountFor(accepted: readonly Accepted[], arrivals: readonly Arrival[]): Account {
  const last = new Map(arrivals.map((arrival, at) => [arrival.tag, { ...arrival, at }]))
  const inOrder = [...last.values()].sort((one, other) => one.at - other.at)
  const newest = new Map<string, number>()
  const overtaken: Arrival[] = []
  for (const arrival of inOrder) {
    const before = newest.get(arrival.server) ?? 0
    if (Number(arrival.tag) < before) overtaken.push(arrival)
    newest.set(arrival.server, Math.max(before, Number(arrival.tag)))
  }
  return { lost: accepted.filter(({ tag }) => !last.has(tag)), overtaken, repeats: arrivals.length - last.size }
}

/** Waits until all that was accepted has arrived, novacast has nothing left to deliver, and all is out of the queues. */
export async function settle(client: Client, accepted: readonly Accepted[], computes: readonly Computes[]): Promise<void> {
  await waitFor('all events to arrive', () => {
    const { lost } = accountFor(accepted, arrivalsAt(computes))
    if (lost.length > 0) throw new Error(`${lost.length} have not, the first with the tag ${lost[0]?.tag}`)
    return true
  })
  await waitFor('all deliveries to be made', async () => {
    for await (const { id, deliveries } of client.events.search({ state: 'pending' }, { limit: 1 }))
      throw new Error(`of ${id}: ${JSON.stringify(deliveries)}`)
    return true
  })
  await Promise.all(computes.map((each) => each.drain()))
}

/** Every accepted event has arrived, those of each server in order. Says in one line how many there were. */
export function expectAll(what: string, accepted: readonly Accepted[], computes: readonly Computes[]): void {
  const arrivals = arrivalsAt(computes)
  const { lost, overtaken, repeats } = accountFor(accepted, arrivals)
  console.log(
    `${what}: ${accepted.length} events accepted, ${lost.length} lost, ${overtaken.length} overtaken, ${repeats} repeated`,
  )
  for (const one of overtaken.slice(0, 3)) console.log(`overtaken: ${one.tag}; of its server came ${around(one, arrivals)}`)
  expect(accepted.length).toBeGreaterThan(0)
  expect(lost.slice(0, 10)).toEqual([])
  expect(overtaken.slice(0, 10)).toEqual([])
}

/** The tags of a server in the order of their arrivals, as far as they are near this one's. */
function around({ server, tag }: Arrival, arrivals: readonly Arrival[]): string {
  const near = arrivals.filter((each) => each.server === server && Math.abs(Number(each.tag) - Number(tag)) < 300)
  return near.map((each) => `${each.tag}${each.isRedelivered ? ' (redelivered)' : ''}`).join(', ')
}

/** From the sending of each accepted event to its first arrival, in milliseconds. */
export function latenciesMs(accepted: readonly Accepted[], { arrivals }: Computes): readonly number[] {
  const first = new Map(arrivals.toReversed().map(({ tag, atMs }) => [tag, atMs]))
  return accepted.map(({ tag, atMs, tookMs }) => (first.get(tag) ?? Number.POSITIVE_INFINITY) - (atMs - tookMs))
}

/** The value that this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN)
}

/** Each server is on a host of one of them. */
const arrivalsAt = (computes: readonly Computes[]): readonly Arrival[] => computes.flatMap(({ arrivals }) => arrivals)
