import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { onTestFinished } from 'vitest'

/** An event that was answered 200: novacast has promised to deliver it. */
export interface Accepted {
  readonly server: string
  readonly tag: string
  /** When the answer was there, by the monotonic clock. */
  readonly atMs: number
  /** What the request took. */
  readonly tookMs: number
}

/** Senders at work. */
export interface Load {
  /** In the order of the answers; of one server, that is the order in which they were sent. */
  readonly accepted: readonly Accepted[]
  /** How many requests came to what: a status, or `broken` where no answer came. */
  readonly answers: ReadonlyMap<number | 'broken', number>
  /** Lets requests under way end, and sends no more. */
  stop(): Promise<void>
  /** Sends again. */
  resume(): void
}

export interface LoadOptions {
  /** Where to send: each sender to one after the other, with each round of its servers. */
  readonly urls: readonly string[]
  readonly token: string
  /** Each is one sender's alone, who sends one request after the other: so the events of a server have an order. */
  readonly servers: readonly string[]
  readonly senders?: number
  /** Between two requests of a sender. */
  readonly pauseMs?: number
}

export interface PostedEvent {
  readonly server_uuid: string
  readonly name: string
  readonly tag: string
}

/** Posts events once, and gives the answer: its status, and the code of each event where there are any. */
export async function postEvents(
  { url, token, dispatcher }: { readonly url: string; readonly token: string; readonly dispatcher?: Agent },
  events: readonly PostedEvent[],
): Promise<{ readonly status: number; readonly codes: readonly number[] }> {
  const { statusCode, body } = await request(`${url}/v2.1/os-server-external-events`, {
    method: 'POST',
    ...(dispatcher === undefined ? {} : { dispatcher }),
    headers: { 'x-auth-token': token, 'content-type': 'application/json', 'openstack-api-version': 'compute 2.93' },
    body: JSON.stringify({ events }),
  })
  const text = await body.text()
  if (statusCode !== 200 && statusCode !== 207) return { status: statusCode, codes: [] }
  const answer = JSON.parse(text) as { readonly events: readonly { readonly code: number }[] }
  return { status: statusCode, codes: answer.events.map(({ code }) => code) }
}

/** Tags are numbers that grow, so that the order of a server's events can be told from them. */
let lastTag = 0

const NAMES = ['network-changed', 'network-changed', 'volume-extended', 'network-changed'] as const

/**
 * Posts events until it is stopped, whatever becomes of them: a request that is refused or broken is not sent again. Each has two
 * events of one server and one of another.
 */
export function startLoad({ urls, token, servers, senders = 8, pauseMs = 100 }: LoadOptions): Load {
  const connections = new Agent({ connections: senders })
  const accepted: Accepted[] = []
  const answers = new Map<number | 'broken', number>()
  let isOver = false
  let sending: Promise<unknown> = Promise.resolve()

  const post = async (url: string, events: readonly PostedEvent[]) => {
    const startMs = performance.now()
    const { status, codes } = await postEvents({ url, token, dispatcher: connections }, events)
    const atMs = performance.now()
    for (const [i, { server_uuid: server, tag }] of events.entries())
      if (codes[i] === 200) accepted.push({ server, tag, atMs, tookMs: atMs - startMs })
    return status
  }
  const send = async (own: readonly string[]) => {
    const of = (n: number) => own[n % own.length] ?? ''
    for (let n = 0; !isOver; n++) {
      const events = [of(n), of(n), of(n + 1)].map((server_uuid, i) => ({
        ...{ server_uuid, name: NAMES[(n + i) % NAMES.length] ?? '', tag: String(++lastTag) },
      }))
      const url = urls[Math.floor(n / own.length) % urls.length] ?? ''
      const answer = await post(url, events).catch(() => 'broken' as const)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      await sleep(answer === 'broken' ? 100 : pauseMs)
    }
  }
  const begin = () => {
    isOver = false
    sending = Promise.all(Array.from({ length: senders }, (_, sender) => send(servers.filter((_, i) => i % senders === sender))))
  }
  const stop = async () => {
    isOver = true
    await sending
  }
  begin()
  onTestFinished(async () => {
    await stop()
    await connections.close()
  })
  return { accepted, answers, stop, resume: begin }
}
