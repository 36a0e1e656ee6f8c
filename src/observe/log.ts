import { type DestinationStream, type Logger, pino } from 'pino'

/** The one logger type of the project: structured, leveled. Call it `log.info({ fields }, 'message')`. */
export type Log = Logger

/** How loud, and for whom. */
export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** Defaults to standard error: standard output belongs to commands. */
  readonly destination?: DestinationStream
}

/** Paths that never leave the process, whatever object is logged. */
const SECRET_PATHS = [
  'token',
  'password',
  'secret',
  '*.token',
  '*.password',
  '*.secret',
  'headers["x-auth-token"]',
  '*.headers["x-auth-token"]',
]

/** A logger that writes one JSON object a line and censors what might be a secret. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_PATHS, censor: '***' },
    },
    options.destination ?? standardError(),
  )
}

/** What is kept of lines that cannot be written now: a file on a full disk, a reader that has stopped. */
const MAX_UNWRITTEN_BYTES = 2 ** 20

/** A log that cannot be written is dropped: it must never be what ends a service. */
function standardError(): DestinationStream {
  return pino.destination({ fd: 2, sync: true, maxLength: MAX_UNWRITTEN_BYTES }).on('error', () => {})
}
