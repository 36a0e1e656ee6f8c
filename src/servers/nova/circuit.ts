import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_IN_USE } from '../../database/pool.ts'
import { type DatabaseTrouble, type TroubleKind, toTrouble } from '../../database/trouble.ts'
import type { Log } from '../../observe/log.ts'
import { createSeldom } from '../../observe/seldom.ts'

export interface CircuitParts {
  /** What is asked, for the log: `the database of cell1`. */
  readonly name: string
  /** Looks something up; resolves when it can be asked again. */
  readonly probe: () => Promise<unknown>
  readonly log: Log
}

/**
 * Keeps those who ask from waiting for what is down, each until a time-out. Trouble of one question leaves it closed, and is
 * logged, once a minute at most.
 *
 *     closed ──a question fails──► open (every question rejects at once, a probe is made now and then)
 *        ▲                           │
 *        └────the probe succeeds─────┘
 */
export interface Circuit {
  /**
   * Asks what the probe asks too, or rejects at once while open. Rejects with `DatabaseTrouble` only. A connection that is lost says little
   * of the database, and so it is asked once more.
   */
  lookUp<Answer>(ask: () => Promise<Answer>): Promise<Answer>
  /** The same for what else is read: that it may not be, or is not there, keeps nobody from looking up. */
  read<Answer>(ask: () => Promise<Answer>): Promise<Answer>
  /** The same for what writes, asked once. */
  write<Answer>(ask: () => Promise<Answer>): Promise<Answer>
  /** Ends the probing. */
  close(): void
}

/** Trouble of the whole database, not of one statement. */
const OF_ALL: ReadonlySet<TroubleKind> = new Set(['away'])
/** Trouble of every look-up, which a probe finds too. */
const OF_LOOK_UPS: ReadonlySet<TroubleKind> = new Set(['away', 'refused', 'missing'])

/** Codes of `away` that say nothing of who only reads (a replica, maintenance, the middle of a fail-over), or nothing of the database. */
const OF_ONE: ReadonlySet<string | null> = new Set([
  ...['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', '25006'],
  ALL_IN_USE,
])

const SAY_MS = 60_000

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

  /** Asks, and opens where it fails with one of these; what else it fails with is said, as that it cannot be `done`. */
  const createAsk = (done: string, opens: ReadonlySet<TroubleKind>) => {
    const seldom = createSeldom(SAY_MS)
    return async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
      if (trouble !== null) throw trouble
      try {
        return await ask()
      } catch (error) {
        const why = toTrouble(error)
        if (opens.has(why.kind) && !OF_ONE.has(why.code)) open(why)
        else seldom((times) => log.error({ reason: why.message, code: why.code, times }, `${name} cannot be ${done}`))
        throw why
      }
    }
  }
  const [lookUp, read, write] = [createAsk('searched', OF_LOOK_UPS), createAsk('read', OF_ALL), createAsk('written', OF_ALL)]
  return {
    lookUp: (ask) => lookUp(() => askTwice(ask)),
    read: (ask) => read(() => askTwice(ask)),
    write,
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
    if (kind !== 'away' || code === 'TIMEOUT' || code === ALL_IN_USE) throw error
    await sleep(AGAIN_AFTER_MS)
    return ask()
  }
}
