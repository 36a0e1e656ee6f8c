import type { EventId } from '../../events/event.ts'
import { isCanonicalUuid } from '../../lib/uuid.ts'
import { ApiError } from '../errors.ts'

/** How far a replay has come. It is all in the cursor: any replica can go on. */
export interface ReplayPlace {
  readonly run: string
  /** The last moment of what is replayed: what came after the start is not, and what is replayed must not be found again. */
  readonly untilUs: number
  /** The last event that was looked at; none before the first page. */
  readonly after?: EventId
}

/** The place as a text to give back. */
export function renderReplayCursor({ run, untilUs, after }: Required<ReplayPlace>): string {
  return `${after}.${untilUs}.${run}`
}

/** Reads what `renderReplayCursor` wrote. Throws a `badRequest` for anything else, and for one of another run than is asked for. */
export function readReplayCursor(cursor: string, askedRun: string | undefined): ReplayPlace {
  const [, after = '', until = '', run = '', uuid = ''] =
    /^([0-9a-f-]{36})\.(\d{1,16})\.(req-([0-9a-f-]{36}))$/.exec(cursor) ?? []
  if (!isCanonicalUuid(after) || !isCanonicalUuid(uuid))
    throw new ApiError(
      'badRequest',
      `body cursor: expected \`next\` of the page before, got ${JSON.stringify(cursor.slice(0, 60))}`,
    )
  if (askedRun !== undefined && askedRun !== run)
    throw new ApiError('badRequest', `body run: expected ${run}, which the cursor is of, or nothing; got ${askedRun}`)
  return { run, untilUs: Number(until), after: after as EventId }
}
