import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabaseTrouble, type TroubleKind, toTrouble } from '../../database/trouble.ts'
import type { Log } from '../../observe/log.ts'

export interface CircuitParts {
  /** What is asked, for the log: `the database of cell1`. */
  readonly name: string
  /** Resolves when it can be asked again. */
  readonly probe: () => Promise<unknown>
  readonly log: Log
}

/**
 * Keeps those who ask from waiting for what is down, each until a time-out.
 *
 *     closed ──a question fails──► open (every question rejects at once, a probe is made now and then)
 *        ▲                           │
 *        └────the probe succeeds─────┘
 */
export interface Circuit {
  /** Asks, or rejects at once while open. Rejects with `DatabaseTrouble` only. */
  run<Answer>(ask: () => Promise<Answer>): Promise<Answer>
  /** The same for what only reads: a connection that is lost says little of the database, and so it is asked once more. */
  read<Answer>(ask: () => Promise<Answer>): Promise<Answer>
  /** Ends the probing. */
  close(): void
}

/** Trouble of the whole database, not of one statement. */
const OPENS: ReadonlySet<TroubleKind> = new Set(['away', 'refused', 'missing'])

/** Pauses between probes, in milliseconds: the first is made soon, for most trouble is a lost connection and no more. */
const PAUSES_MS = [100, 250, 500, 1000, 2000, 5000] as const

export function createCircuit({ name, probe, log }: CircuitParts): Circuit {
  let trouble: DatabaseTrouble | null = null
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const open = (why: DatabaseTrouble): void => {
    const wasOpen = trouble !== null
    trouble = why
    if (wasOpen || closed) return
    log.warn({ reason: why.message, code: why.code }, `${name} cannot be asked; trying again`)
    probeAfter(0)
  }
  const probeAfter = (round: number): void => {
    timer = setTimeout(() => void probeNow(round), PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)]).unref()
  }
  const probeNow = async (round: number): Promise<void> => {
    try {
      await probe()
    } catch (error) {
      trouble = toTrouble(error)
      if (!closed) probeAfter(round + 1)
      return
    }
    trouble = null
    log.info(`${name} can be asked again`)
  }

  const run: Circuit['run'] = async (ask) => {
    if (trouble !== null) throw trouble
    try {
      return await ask()
    } catch (error) {
      const why = toTrouble(error)
      if (OPENS.has(why.kind)) open(why)
      throw why
    }
  }
  return {
    run,
    read: (ask) => run(() => askTwice(ask)),
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** Until the other connections have been found lost as well. */
const AGAIN_AFTER_MS = 50

async function askTwice<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    const { kind, code } = toTrouble(error)
    if (kind !== 'away' || code === 'TIMEOUT') throw error
    await sleep(AGAIN_AFTER_MS)
    return ask()
  }
}
