import type { HostName } from '../../events/event.ts'
import type { BrokerLink } from './broker-link.ts'
import { type CastPart, castMessage, mayShare } from './cast-messages.ts'
import type { Published } from './unconfirmed.ts'

/**
 * What leaves for one broker. Parts of casts to one host that come together share a message where they may: one for eight costs the
 * broker, and nova-compute, little more than one for one.
 */
export interface Outbox {
  /**
   * Resolves when the message that it is in is confirmed or cannot be; rejects where none can be made. To each host, parts leave in the order of
   * the calls.
   */
  publish(part: CastPart): Promise<Published>
}

/** Characters: what is shared fits into one frame of AMQP, 128 KiB. */
const MAX_SHARED = 96 * 1024

interface Envelope {
  readonly parts: [CastPart, ...CastPart[]]
  size: number
  readonly published: Promise<Published>
  readonly settle: (published: Promise<Published>) => void
}

/** An empty outbox for this link. */
export function createOutbox(link: Pick<BrokerLink, 'publish'>): Outbox {
  let envelopes: Envelope[] = []
  /** The last for each host: nothing may be put into those before it. */
  let last = new Map<HostName, Envelope>()

  function send(): void {
    const leaving = envelopes
    envelopes = []
    last = new Map()
    for (const { parts, settle } of leaving) settle(publishTogether(parts))
  }

  /** Async so that nothing is thrown at nobody. */
  async function publishTogether(parts: Envelope['parts']): Promise<Published> {
    return link.publish(castMessage(parts))
  }

  return {
    publish: (part) => {
      const size = sizeOf(part)
      const before = last.get(part.host)
      if (before !== undefined && before.size + size <= MAX_SHARED && mayShare(before.parts[0], part)) {
        before.parts.push(part)
        before.size += size
        return before.published
      }
      const { promise: published, resolve: settle } = Promise.withResolvers<Published>()
      const envelope: Envelope = { parts: [part], size, published, settle }
      last.set(part.host, envelope)
      // Behind all that this turn still brings.
      if (envelopes.push(envelope) === 1) process.nextTick(send)
      return published
    },
  }
}

function sizeOf({ instances, events }: CastPart): number {
  return [...instances.values(), ...events].reduce((sum, text) => sum + text.length, 0)
}
