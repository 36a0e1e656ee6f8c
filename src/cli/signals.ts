import type { Terminal } from './terminal.ts'

/** A wish to stop, from SIGINT or SIGTERM. */
export interface StopSignals {
  /** Aborted by the first one. */
  readonly signal: AbortSignal
  /** Stops listening. */
  dispose(): void
}

const CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** Listens for SIGINT and SIGTERM: the first asks for a graceful end, the second ends the process at once. */
export function listenForStop(terminal: Pick<Terminal, 'exit'>): StopSignals {
  const controller = new AbortController()
  const stop = (name: 'SIGINT' | 'SIGTERM') => {
    if (controller.signal.aborted) terminal.exit(CODES[name])
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', stop).off('SIGTERM', stop)
    },
  }
}
