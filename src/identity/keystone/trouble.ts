import type { Log } from '../../observe/log.ts'

/**
 * Keystone, or the way to it, keeps us from knowing what a token is. The message is for the log and never holds a token or a
 * secret; `mend` says what to do about it.
 */
export class KeystoneTrouble extends Error {
  override readonly name = 'KeystoneTrouble'
  readonly mend: string

  constructor(message: string, mend: string, options?: ErrorOptions) {
    super(message, options)
    this.mend = mend
  }
}

/** Tells the log of a neighbour's trouble when it begins and when it ends, not at every request between. */
export interface TroubleLog {
  /** Trouble that wants the same mending as the last is the same. */
  trouble(reason: string, mend: string): void
  well(): void
  /** Nothing more is said: to close is to make trouble. */
  hush(): void
}

/** For the neighbour of that name, at that level. */
export function createTroubleLog(log: Log, neighbour: string, level: 'warn' | 'error'): TroubleLog {
  let said: string | null = null
  let isHushed = false
  return {
    trouble: (reason, mend) => {
      if (isHushed || said === mend) return
      said = mend
      log[level]({ reason, mend }, `trouble with ${neighbour}`)
    },
    well: () => {
      if (said === null) return
      said = null
      log.info({}, `${neighbour} is well again`)
    },
    hush: () => {
      isHushed = true
    },
  }
}
