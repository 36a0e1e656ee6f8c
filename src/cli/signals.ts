import type { Terminal } from './terminal.ts'

/** A wish to stop, from SIGINT or SIGTERM. */
export interface StopSignals {
  /** Aborted by the first one. */
  readonly signal: AbortSignal
  /** Asks for a graceful end, as the first one does. */
  request(): void
  /** Stops listening. */
  dispose(): void
}

const CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** Listens for SIGINT and SIGTERM: the first asks for a graceful end, the second ends the process at once. */
export function listenForStop(terminal: Pick<Terminal, 'exit'>): StopSignals {
  const controller = new AbortController()
  let isSecond = false
  const stop = (name: 'SIGINT' | 'SIGTERM') => {
    if (isSecond) terminal.exit(CODES[name])
    isSecond = true
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  return {
    signal: controller.signal,
    request: () => controller.abort(),
    dispose: () => {
      process.off('SIGINT', stop).off('SIGTERM', stop)
    },
  }
}

/**
 * Listens for SIGHUP until the process ends. Not on a terminal, which sends it when it goes: there it ends the process, as it always does.
 */
export function listenForReload(reload: () => void): void {
  if (process.stdin.isTTY !== true) process.on('SIGHUP', reload)
}
