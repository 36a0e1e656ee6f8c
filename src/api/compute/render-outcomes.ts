import type { Outcome } from '../../events/event.ts'
import { asciiJson } from '../../lib/ascii-json.ts'
import type { SentEvent } from './sent-events.ts'

/** A sent event and what was decided for it. */
export interface Decided {
  readonly sent: SentEvent
  readonly outcome: Outcome
}

/** The events as they were sent, each with its outcome: `status` overwritten where it was, else behind the rest; `code` last. */
export function renderOutcomes(decided: readonly Decided[]): string {
  let body = '{"events": ['
  let separator = ''
  for (const each of decided) {
    body += separator + renderOutcome(each)
    separator = ', '
  }
  return `${body}]}`
}

function renderOutcome({ sent: { event, keys }, outcome: { code } }: Decided): string {
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
