import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ListOptions, MAX_PAGE } from './pages.ts'
import type { Session } from './session.ts'
import { field } from './shape.ts'
import { isPassing, reconnectDelayMs } from './stay-connected.ts'
import { type EventFilter, type ReplayedEvent, type ReplayPage, replayedEvent, replayPage } from './wire.ts'

/** Which events to replay; at least one field must be given, every one must hold. */
export type ReplayFilter = Omit<EventFilter, 'order'>

/** How to replay. */
export interface ReplayOptions {
  /** Only tells what would be done. */
  readonly dryRun?: boolean
  /**
   * `req-UUID`, a new one unless said. An event is replayed at most once in a run, so that one that was interrupted can be gone on
   * with; its replays can be searched for by it, as `request_id`.
   */
  readonly run?: string
  /** Told when the service cannot answer now and is asked again. */
  readonly onTrouble?: (error: Error) => void
}

const EVENTS = '/novacast/v1/events'
const JSON_HEADERS = { 'content-type': 'application/json' }
/** How long a page is asked for again while the service is away. */
const PATIENCE_MS = 60_000

/** Replays one event. */
export function replayOne(session: Session, id: string, options: ReplayOptions = {}): Promise<ReplayedEvent> {
  const body = { dry_run: options.dryRun ?? false, run: options.run ?? newRunId() }
  return ask(options, () => post(session, `${EVENTS}/${encodeURIComponent(id)}/replay`, body, field('event', replayedEvent)))
}

/** Replays page after page; a page is made when all of the one before has been consumed. */
export async function* replayAll(
  session: Session,
  filter: ReplayFilter,
  { limit = Number.POSITIVE_INFINITY, signal, ...options }: ReplayOptions & ListOptions = {},
): AsyncGenerator<ReplayedEvent, void> {
  const fixed = { ...filter, dry_run: options.dryRun ?? false, run: options.run ?? newRunId() }
  let cursor: string | undefined
  for (let left = limit; left > 0; ) {
    const body = { ...fixed, limit: Math.min(left, MAX_PAGE), cursor }
    const page: ReplayPage = await ask(options, () => post(session, `${EVENTS}/replay`, body, replayPage, signal))
    yield* page.events
    left -= page.events.length
    if (page.next === null) return
    cursor = page.next
  }
}

/** A new name for a run. */
export function newRunId(): string {
  return `req-${randomUUID()}`
}

function post<T>(
  session: Session,
  path: string,
  body: object,
  shape: Parameters<typeof session.call<T>>[1],
  signal?: AbortSignal,
): Promise<T> {
  return session.call({ method: 'POST', path, headers: JSON_HEADERS, body: JSON.stringify(body), signal }, shape)
}

/** Asks until there is an answer, or a minute is over. What was done and not answered is not done again: the run is the same. */
async function ask<T>({ onTrouble }: ReplayOptions, question: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS
  for (let failures = 0; ; failures++) {
    try {
      return await question()
    } catch (error) {
      if (!isPassing(error) || performance.now() > endMs) throw error
      onTrouble?.(error)
      await sleep(Math.min(reconnectDelayMs(200, failures), 5000))
    }
  }
}
