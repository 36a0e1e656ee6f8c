import type { EventId } from '../events/event.ts'

/**
 * What an agent may have had before its connection was lost, so that it is not sent again at once when the agent says so. By the order in
 * which deliveries left: that is not the order of their ids. What left in an earlier life is not known, and is sent again.
 */
export class AgentMemory {
  /** What had left, in that order, when the connection was lost. */
  #sent: readonly EventId[] = []
  /** What the agent had of it when it came back; and that of which this has been told. */
  #seen = new Set<EventId>()
  #had = new Set<EventId>()
  /** What went out again over the same connection. */
  #again = new Set<EventId>()

  /** The agent is there, and has seen what left up to this event. */
  connected(lastSeen: EventId | null): void {
    // What went out twice was seen the first time, for all that is known.
    const isTwice = lastSeen !== null && this.#again.has(lastSeen)
    const upTo = lastSeen === null || isTwice ? 0 : this.#sent.indexOf(lastSeen) + 1
    this.#seen = new Set(this.#sent.slice(0, upTo))
    this.#had = new Set()
    this.#again = new Set()
  }

  /** The connection is lost: of what left, in that order, these were not acknowledged. */
  lost(unacknowledged: readonly EventId[]): void {
    const had = unacknowledged.filter((id) => this.#had.has(id))
    this.#sent = [...had, ...unacknowledged.filter((id) => !this.#had.has(id))]
  }

  /** Whether the agent had this one before it came back. Told once. */
  takeSeen(id: EventId): boolean {
    if (!this.#seen.delete(id)) return false
    this.#had.add(id)
    return true
  }

  /** All that it had has been dealt with. */
  forgetSeen(): void {
    this.#seen.clear()
  }

  sentAgain(id: EventId): void {
    this.#again.add(id)
  }

  ended(id: EventId): void {
    this.#had.delete(id)
    this.#again.delete(id)
  }
}
