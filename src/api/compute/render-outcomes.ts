import type { Outcome } from '../../events/event.ts'
import { asciiJson } from '../../lib/ascii-json.ts'
import type { SentEvent } from './sent-events.ts'

/** A sent event and what its sender is told. */
export interface Told {
  readonly sent: SentEvent
  readonly outcome: Pick<Outcome, 'code'>
}

/** The events as they were sent, each with its outcome: `status` overwritten where it was, else behind the rest; `code` last. */
export function renderOutcomes(told: readonly Told[]): string {
  let body = '{"events": ['
  let separator = ''
  for (const each of told) {
    body += separator + renderOutcome(each)
    separator = ', '
  }
  return `${body}]}`
}

function renderOutcome({ sent: { event, keys }, outcome: { code } }: Told): string {
  const status = code === 200 ? '"status": "completed"' : '"status": "failed"'
  let text = '{'
  let hasStatus = false
  for (const key of keys) {
    if (key === 'server_uuid') text += `"server_uuid": ${asciiJson(event.serverId)}, `
    else if (key === 'name') text += `"name": "${event.name}", `
    else if (key === 'tag') text += `"tag": ${asciiJson(event.tag ?? '')}, `
    else {
      hasStatus = true
      text += `${status}, `
    }
  }
  return hasStatus ? `${text}"code": ${code}}` : `${text}${status}, "code": ${code}}`
}
