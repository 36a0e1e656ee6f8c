import { asciiJson } from '../lib/ascii-json.ts'

/**
 * Every refusal of a whole request: its name, its status and its name in Nova's envelope (`{"badRequest": {"code": 400, "message": …}}`).
 * Names never change meaning. Nova's own (nova/api/openstack/wsgi.py Fault._fault_names) has none for 406 and 500 but `computeFault`.
 * The catalog for readers: docs/reference/errors.md.
 */
export const FAULTS = {
  badRequest: 400,
  unauthorized: 401,
  forbidden: 403,
  itemNotFound: 404,
  badMethod: 405,
  notAcceptable: 406,
  requestTimeout: 408,
  overLimit: 413,
  badMediaType: 415,
  unprocessableEntity: 422,
  headersTooLarge: 431,
  computeFault: 500,
  serviceUnavailable: 503,
} as const

/** The name of a refusal. */
export type FaultName = keyof typeof FAULTS

/** A request that is refused as a whole. The message is for the sender: what was expected, what came. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly fault: FaultName
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(fault: FaultName, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.fault = fault
    this.status = FAULTS[fault]
    this.headers = headers
  }
}

/** The name of a refusal in the envelope. */
export function envelopeName(fault: FaultName): string {
  return fault === 'notAcceptable' ? 'computeFault' : fault
}

/** The body of a refusal in Nova's envelope, byte by byte as Nova writes it: ASCII. */
export function renderFault(fault: FaultName, message: string): string {
  return `{"${envelopeName(fault)}": {"code": ${FAULTS[fault]}, "message": ${asciiJson(message)}}}`
}
