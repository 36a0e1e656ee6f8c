import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, staticToken } from '../../src/sdk/index.ts'
import { waitFor } from '../stand/wait.ts'
import type { Receivers } from './places.ts'

const ACK_EVERY_MS = 20
/** The service takes no more at once. */
const MOST_ACKS = 1000

/** Agents of these hosts, that acknowledge all they get. */
export function startFollowers(url: string, hosts: readonly string[]): Receivers {
  const client = createClient({ url, auth: staticToken('admin:admin') })
  const over = new AbortController()
  const arrivals: Receivers['arrivals'][number][] = []
  const follow = async (host: string) => {
    const unacknowledged: string[] = []
    const acknowledge = async () => {
      while (!over.signal.aborted) {
        const ids = unacknowledged.splice(0, MOST_ACKS)
        // What cannot be acknowledged now is sent again.
        if (ids.length > 0) await client.hosts.ack(host, ids).catch(() => {})
        await sleep(ACK_EVERY_MS)
      }
    }
    const acknowledging = acknowledge()
    for await (const { id, server_uuid: server, tag, attempt } of client.hosts.follow(host, { signal: over.signal })) {
      arrivals.push({ server, tag: tag ?? '', attempt })
      unacknowledged.push(id)
    }
    await acknowledging
  }
  const following = Promise.all(hosts.map(follow))
  return {
    arrivals,
    untilNothingWaits: () =>
      waitFor('everything to be delivered', async () => {
        for (const host of hosts) {
          const { pending, dispatched } = await client.hosts.get(host)
          if (pending + dispatched > 0) throw new Error(`for ${host} wait ${pending} pending and ${dispatched} dispatched`)
        }
        return true
      }),
    stop: async () => {
      over.abort()
      await following
      await client.close()
    },
  }
}
