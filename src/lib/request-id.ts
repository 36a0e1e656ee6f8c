import { uuidv7 } from './uuid.ts'

/** A new id of ours for a request, `req-UUID`. Nova's are random; ours ascend, so that the journal's index of them grows at its end. */
export function newRequestId(): string {
  return `req-${uuidv7()}`
}
