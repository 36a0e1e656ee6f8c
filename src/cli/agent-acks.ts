import { setTimeout as sleep } from 'node:timers/promises'
import type { Receipt } from '../sdk/index.ts'
import { isPassing, reconnectDelayMs } from '../sdk/stay-connected.ts'

/** How acknowledgements get to the service. */
export interface AcksOptions {
  readonly send: (receipts: readonly Receipt[]) => Promise<unknown>
  /** Told when the service refuses them for good; they will be delivered again. */
  readonly onRefused: (error: unknown) => void
}

/** Acknowledgements on their way: those of one moment travel together. */
export interface Acks {
  add(receipt: Receipt): void
  /** Tries for up to `graceMs` more to get rid of what is left; whether nothing was. */
  finish(graceMs: number): Promise<boolean>
}

/** What 1000 receipts of failures come to may be more than the service takes in a request (112 KiB). */
const MAX_RECEIPTS = 500

/** Sends acknowledgements, one request at a time, again and again while the service is away. */
export function createAcks({ send, onRefused }: AcksOptions): Acks {
  const waiting = new Map<string, Receipt>()
  const over = new AbortController()
  let sending: Promise<void> | null = null

  const sendAll = async () => {
    for (let failures = 0; waiting.size > 0 && !over.signal.aborted; ) {
      const receipts = [...waiting.values()].slice(0, MAX_RECEIPTS)
      try {
        await send(receipts)
        failures = 0
      } catch (error) {
        if (isPassing(error)) {
          await sleep(reconnectDelayMs(200, failures++), undefined, { signal: over.signal }).catch(() => {})
          continue
        }
        onRefused(error)
      }
      for (const { id } of receipts) waiting.delete(id)
    }
  }
  const start = () => {
    // Begins after this turn of the loop, so that the acknowledgements of one moment go in one request.
    sending ??= Promise.resolve()
      .then(sendAll)
      .finally(() => {
        sending = null
        // What was added while the last answer was on its way through the promises.
        if (waiting.size > 0 && !over.signal.aborted) start()
      })
  }

  return {
    add: (receipt) => {
      waiting.set(receipt.id, receipt)
      start()
    },
    finish: async (graceMs) => {
      const timer = setTimeout(() => over.abort(), graceMs)
      while (sending !== null) await sending
      clearTimeout(timer)
      return waiting.size === 0
    },
  }
}
