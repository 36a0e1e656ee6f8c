import { JournalUnavailable } from '../../journal/journal.ts'
import type { Log } from '../../observe/log.ts'
import { ServersUnavailable } from '../../servers/servers.ts'
import { ApiError, type FaultName } from '../errors.ts'

/** Fastify's own refusals, by the status it gives them: in our envelope, and saying what was expected. */
const FRAMEWORK: ReadonlyMap<number, readonly [FaultName, string]> = new Map([
  [400, ['badRequest', 'The request is malformed: expected a percent-encoded path and a body of the length it says']],
  [413, ['overLimit', 'The body is too large']],
  [414, ['badRequest', 'A part of the path is too long']],
  [415, ['badMediaType', 'expected the Content-Type application/json, or application/x-ndjson for an import of servers']],
])

/** What a request ends with that did not end well. What nobody expected is logged, once, here. */
export function toApiError(error: unknown, requestId: string, log: Log): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof JournalUnavailable || error instanceof ServersUnavailable) {
    log.warn({ requestId, reason: error.message }, 'a request could not be served')
    return new ApiError('serviceUnavailable', error.message, { 'retry-after': '1' })
  }
  const known = FRAMEWORK.get(frameworkStatus(error))
  if (known !== undefined) return new ApiError(...known)
  if (isConnectionLost(error)) return new ApiError('badRequest', 'The request broke off')
  log.error({ requestId, err: error }, 'a request failed unexpectedly')
  return new ApiError('computeFault', `Something unexpected happened; novacast's log says more under ${requestId}`)
}

function frameworkStatus(error: unknown): number {
  if (!(error instanceof Error && 'code' in error && 'statusCode' in error)) return 0
  return typeof error.code === 'string' && error.code.startsWith('FST_') ? Number(error.statusCode) : 0
}

/** Whether the sender went away before its request was whole. */
function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
}
