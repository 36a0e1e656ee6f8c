import type { Sender } from '../../journal/journal.ts'
import { newRequestId } from '../../lib/request-id.ts'
import type { ReplayAnswer, Replayer } from '../../replay/replayer.ts'
import { ApiError } from '../errors.ts'
import { eventFilter, toEventFilter, unknownEvent } from './events.ts'
import { given, pageLimit } from './query.ts'
import { readReplayCursor, renderReplayCursor } from './replay-cursor.ts'
import { type Input, json, type Route, route } from './route.ts'
import { flag, list, nullable, object, optional, otherwise, text } from './schema.ts'
import { renderTime } from './time.ts'
import { eventId, replayedEvent, runId, type WireReplayedEvent } from './wire.ts'

/** What the routes of replays need. */
export interface ReplaysParts {
  readonly replayer: Replayer
}

const PATH = '/novacast/v1/events'
const RULE = 'novacast:events:replay'

const order = { dry_run: otherwise(flag, false), run: optional(runId) }

const page = object({ ...eventFilter, ...order, limit: pageLimit, cursor: optional(text('`next` of the page before')) })

/** Replays: what had ended is delivered again. */
export function replayRoutes({ replayer }: ReplaysParts): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: `${PATH}/replay`,
      rule: RULE,
      summary:
        'Delivers events again that had ended, as new events, the oldest first. At least one filter must be given; every one must hold.',
      body: page,
      answers: {
        200: 'A page, on disk; the next one with `next` as `cursor` and the same filters. A page whose answer was lost may be asked for again, with its `run`.',
      },
      answer: object({ run: runId, dry_run: flag, events: list(replayedEvent), next: nullable(text('for the next page')) }),
      handle: async (input) => {
        const { cursor, run, dry_run: isDry, limit, ...asked } = input.body
        refuseEverything(asked)
        const from =
          cursor === undefined ? { run: run ?? newRequestId(), untilUs: Date.now() * 1000 } : readReplayCursor(cursor, run)
        const query = toEventFilter(asked)
        const bounded = {
          ...query,
          ...given({ after: from.after }),
          untilUs: Math.min(query.untilUs ?? from.untilUs, from.untilUs),
          limit,
        }
        const { answers, last } = await replayer.page(bounded, { by: senderOf(input), run: from.run, isDry })
        const next = last === null ? null : renderReplayCursor({ ...from, after: last })
        return json({ run: from.run, dry_run: isDry, events: answers.map(renderAnswer), next })
      },
    }),
    route({
      method: 'POST',
      path: `${PATH}/{id}/replay`,
      rule: RULE,
      summary: 'Delivers an event again that had ended, as a new event.',
      params: object({ id: eventId }),
      body: otherwise(object(order), { dry_run: false, run: undefined }),
      answers: { 200: 'What became of it: it is on disk, or was left out for the reason that is given.' },
      answer: object({ run: runId, dry_run: flag, event: replayedEvent }),
      handle: async (input) => {
        const { dry_run: isDry, run = newRequestId() } = input.body
        const { id } = input.path
        const answer = await replayer.one(id, { by: senderOf(input), run, isDry })
        return json({ run, dry_run: isDry, event: renderAnswer(answer ?? unknownEvent(id)) })
      },
    }),
  ]
}

/** Who forgets the filter must not replay a year. */
function refuseEverything(asked: Readonly<Record<string, unknown>>): void {
  if (Object.values(asked).some((value) => value !== undefined)) return
  throw new ApiError('badRequest', `body: expected at least one of ${Object.keys(eventFilter).join(', ')}, got none`)
}

function senderOf({ caller }: Pick<Input<unknown, unknown, unknown>, 'caller'>): Sender {
  return { userId: caller?.userId ?? null, userName: caller?.userName ?? null, projectId: caller?.projectId ?? null }
}

function renderAnswer({ record, fate }: ReplayAnswer): WireReplayedEvent {
  const { id, event } = record
  return {
    id,
    received_at: renderTime(record.receivedAtUs),
    server_uuid: event.serverId,
    name: event.name,
    tag: event.tag,
    ...renderFate(fate),
  }
}

function renderFate(fate: ReplayAnswer['fate']): Pick<WireReplayedEvent, 'result' | 'replay' | 'hosts' | 'reason'> {
  switch (fate.kind) {
    case 'replayed': {
      const hosts = fate.destinations.map(({ host }) => host)
      return {
        result: 'replayed',
        replay: fate.replay,
        hosts,
        reason: hosts.length === 0 ? 'its server is to be located later' : null,
      }
    }
    case 'done':
      return { result: 'replayed', replay: fate.replay, hosts: [], reason: 'this run had replayed it already' }
    case 'left-out':
      return { result: 'left_out', replay: null, hosts: [], reason: fate.reason }
  }
}
