import { createClient, staticToken } from '../../src/sdk/index.ts'

/** What senders were told, by the tag that each event carried. */
export interface Answered {
  readonly posts: number
  /** Tags of the events answered 200. */
  readonly accepted: ReadonlySet<string>
}

/** Where and how to send. */
export interface LoadOptions {
  readonly url: string
  readonly servers: readonly string[]
  readonly senders: number
  /** Told of every answer; what it says ends nothing. */
  readonly onAnswer: (posts: number) => void
}

/**
 * Posts events with tags of their own until the service goes away: every sender one POST after the other, of one to five events.
 * Resolves when all senders have lost it.
 */
export async function sendUntilGone({ url, servers, senders, onAnswer }: LoadOptions): Promise<Answered> {
  const accepted = new Set<string>()
  let posts = 0
  const client = createClient({ url, auth: staticToken('admin:admin') })
  const sender = async (): Promise<void> => {
    for (let n = 0; ; n++) {
      const events = Array.from({ length: 1 + (n % 5) }, (_, i) => ({
        server_uuid: servers[(posts * 7 + i) % servers.length] as string,
        name: 'network-vif-plugged',
        tag: crypto.randomUUID(),
      }))
      const outcomes = await client.sendEvents(events).catch(() => null)
      if (outcomes === null) return
      for (const [i, { code }] of outcomes.entries()) if (code === 200) accepted.add(events[i]?.tag ?? '')
      onAnswer(++posts)
    }
  }
  try {
    await Promise.all(Array.from({ length: senders }, sender))
  } finally {
    await client.close()
  }
  return { posts, accepted }
}
