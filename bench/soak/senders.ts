import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Ledger } from './ledger.ts'

export interface SendersOptions {
  readonly url: string
  readonly token: string
  readonly servers: readonly string[]
  readonly eventsPerSecond: number
  readonly ledger: Ledger
}

/** Senders that post at a steady rate, whatever becomes of it, and never send anything again. */
export interface Senders {
  /** Answers by status; `broken` where none came. */
  readonly answers: ReadonlyMap<number | 'broken', number>
  stop(): Promise<void>
}

const EVENTS_A_POST = 10
const SENDERS = 24
/** One in so many also costs an instance action in the database of its cell. */
const VOLUME_EACH = 20

export function startSenders({ url, token, servers, eventsPerSecond, ledger }: SendersOptions): Senders {
  const connections = new Agent({ connections: SENDERS, bodyTimeout: 10_000, headersTimeout: 10_000 })
  const answers = new Map<number | 'broken', number>()
  const everyMs = (1000 * EVENTS_A_POST * SENDERS) / eventsPerSecond
  let isOver = false

  const post = async (tags: readonly number[]): Promise<number> => {
    const events = tags.map((tag) => ({
      server_uuid: servers[tag % servers.length],
      name: tag % VOLUME_EACH === 0 ? 'volume-extended' : 'network-changed',
      tag: String(tag),
    }))
    const { statusCode, body } = await request(`${url}/v2.1/os-server-external-events`, {
      method: 'POST',
      dispatcher: connections,
      headers: { 'x-auth-token': token, 'content-type': 'application/json', 'openstack-api-version': 'compute 2.93' },
      body: JSON.stringify({ events }),
    })
    const text = await body.text()
    if (statusCode !== 200 && statusCode !== 207) return statusCode
    const answer = JSON.parse(text) as { readonly events: readonly { readonly code: number }[] }
    for (const [i, { code }] of answer.events.entries()) if (code === 200) ledger.accepted(tags[i] as number)
    return statusCode
  }
  const send = async (first: number) => {
    await sleep((everyMs * first) / SENDERS)
    // By the clock and not by the answers: a service that is away or slow is owed no mercy.
    for (let dueMs = performance.now(); !isOver; ) {
      const answer = await post(Array.from({ length: EVENTS_A_POST }, () => ledger.next())).catch(() => 'broken' as const)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      dueMs = Math.max(dueMs + everyMs, performance.now() - 1000)
      await sleep(Math.max(dueMs - performance.now(), answer === 'broken' ? 20 : 0))
    }
  }
  const sending = Promise.all(Array.from({ length: SENDERS }, (_, i) => send(i)))
  return {
    answers,
    stop: async () => {
      isOver = true
      await sending
      await connections.close()
    },
  }
}
