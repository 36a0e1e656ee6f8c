import type { ServerId } from '../events/event.ts'

/**
 * Servers that leave a host, as long as the journal does not have it. One may be back before that: what left with it may come back too, and
 * has to go before what came later.
 */
export class Leaving {
  readonly #servers = new Map<ServerId, { steps: number; isPassedOver: boolean }>()

  get isEmpty(): boolean {
    return this.#servers.size === 0
  }

  /** A step says that this one leaves. To be called when that is durable; answers whether something has to be read anew. */
  begin(server: ServerId): () => boolean {
    const entry = this.#servers.get(server) ?? { steps: 0, isPassedOver: false }
    entry.steps++
    this.#servers.set(server, entry)
    return () => {
      if (--entry.steps > 0) return false
      this.#servers.delete(server)
      return entry.isPassedOver
    }
  }

  /** Whether what is for this server has to be passed over now; that is remembered. */
  passesOver(server: ServerId): boolean {
    const entry = this.#servers.get(server)
    if (entry !== undefined) entry.isPassedOver = true
    return entry !== undefined
  }
}
