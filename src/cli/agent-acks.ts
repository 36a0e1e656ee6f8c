import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, ConnectionError } from '../sdk/index.ts'
import { reconnectDelayMs } from '../sdk/stay-connected.ts'

/** How acknowledgements get to the service. */
export interface AcksOptions {
  readonly send: (ids: readonly string[]) => Promise<unknown>
  /** Told when the service refuses them for good; they will be delivered again. */
  readonly onRefused: (error: unknown) => void
}

/** Acknowledgements on their way: those of one moment travel together. */
export interface Acks {
  add(id: string): void
  /** Tries for up to `graceMs` more to get rid of what is left; whether nothing was. */
  finish(graceMs: number): Promise<boolean>
}

const MAX_IDS = 1000

/** Sends acknowledgements, one request at a time, again and again while the service is away. */
export function createAcks({ send, onRefused }: AcksOptions): Acks {
  const waiting = new Set<string>()
  const over = new AbortController()
  let sending: Promise<void> | null = null

  const sendAll = async () => {
    for (let failures = 0; waiting.size > 0 && !over.signal.aborted; ) {
      const ids = [...waiting].slice(0, MAX_IDS)
      try {
        await send(ids)
        failures = 0
      } catch (error) {
        if (isPassing(error)) {
          await sleep(reconnectDelayMs(200, failures++), undefined, { signal: over.signal }).catch(() => {})
          continue
        }
        onRefused(error)
      }
      for (const id of ids) waiting.delete(id)
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
    add: (id) => {
      waiting.add(id)
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

function isPassing(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && error.status >= 500)
}
