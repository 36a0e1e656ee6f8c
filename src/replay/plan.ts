import { decide } from '../events/decide.ts'
import type { EventId, Outcome, ServerId, Whereabouts } from '../events/event.ts'
import type { DecidedEvent, EventRecord, Submission } from '../journal/journal.ts'
import { newRequestId } from '../lib/request-id.ts'
import { uuidv7 } from '../lib/uuid.ts'
import type { ReplayAnswer, ReplayOrder } from './replayer.ts'
import { toVerdict } from './verdict.ts'

/** What is to be answered of an event, and its replay where there is to be one. */
export interface Planned {
  readonly answer: ReplayAnswer
  readonly decided: DecidedEvent | null
}

const UNKNOWN: Whereabouts = { kind: 'unknown' }

/** What is to be done with each of these, in their order. The replays of this run are passed over. */
export function plan(
  records: readonly EventRecord[],
  order: ReplayOrder,
  whereabouts: ReadonlyMap<ServerId, Whereabouts>,
): readonly Planned[] {
  return records.flatMap((record) => planOne(record, order, whereabouts) ?? [])
}

function planOne(record: EventRecord, order: ReplayOrder, whereabouts: ReadonlyMap<ServerId, Whereabouts>): Planned | null {
  const verdict = toVerdict(record, order.run)
  switch (verdict.kind) {
    case 'own':
      return null
    case 'done':
    case 'left-out':
      return { answer: { record, fate: verdict }, decided: null }
    case 'ready':
      return planReady(record, decide(record.event, whereabouts.get(record.event.serverId) ?? UNKNOWN), order)
  }
}

function planReady(record: EventRecord, outcome: Outcome, { run, isDry }: ReplayOrder): Planned {
  if (outcome.kind === 'refused') {
    return { answer: { record, fate: { kind: 'left-out', reason: REFUSALS[outcome.code] } }, decided: null }
  }
  const id = uuidv7() as EventId
  const destinations = outcome.kind === 'accepted' ? outcome.destinations : []
  return {
    answer: { record, fate: { kind: 'replayed', replay: isDry ? null : id, destinations } },
    decided: { id, event: record.event, outcome, replay: { of: record.id, run } },
  }
}

const REFUSALS: Readonly<Record<Extract<Outcome, { kind: 'refused' }>['code'], string>> = {
  400: 'its tag is missing',
  404: 'its server is not known',
  422: 'its server is on no host',
}

/**
 * The submissions that the replays make: what came in one request stays together, as Nova puts it into one message, and what did not
 * stays apart (docs/decisions/0007-what-shares-a-cast.md). All can be found by the run, which stands where a sender's own id would.
 */
export function toSubmissions(
  planned: readonly Planned[],
  { by, run }: Pick<ReplayOrder, 'by' | 'run'>,
  receivedAtUs: number,
): readonly Submission[] {
  const submissions: (Submission & { readonly events: DecidedEvent[] })[] = []
  let last: string | null = null
  for (const { answer, decided } of planned) {
    const { requestId, microversion } = answer.record
    if (decided === null) continue
    if (requestId === last) submissions.at(-1)?.events.push(decided)
    else {
      const about = { receivedAtUs, requestId: newRequestId(), globalRequestId: run, sender: by, microversion }
      submissions.push({ ...about, events: [decided] })
    }
    last = requestId
  }
  return submissions
}
