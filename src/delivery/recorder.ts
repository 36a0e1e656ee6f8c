import { setTimeout as sleep } from 'node:timers/promises'
import type { EventId, HostName } from '../events/event.ts'
import type { DeliveryStep, Journal } from '../journal/journal.ts'
import type { Happening, Happenings } from '../observe/happenings.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { type Backoff, retryDelayMs } from './backoff.ts'

/** Whether something waits for steps to be durable, or nothing does: what is lost in a crash is only done once more. */
export type Pace = 'soon' | 'leisurely'

/** Writes steps of deliveries into the journal, those of one turn of the event loop or of a few milliseconds in one call, in order. */
export interface Recorder {
  /** Whether the journal has trouble, or had until just now: steps wait for it. */
  readonly isBehind: boolean
  /** Calls back when these steps are durable. Where the journal has trouble it is tried again until it has none. */
  record(steps: readonly DeliveryStep[], onDurable?: () => void, pace?: Pace): void
  /** Resolves when all that was given is durable or `graceMs` is over. Nothing is recorded after that. */
  close(graceMs: number): Promise<void>
}

export interface RecorderParts {
  readonly journal: Pick<Journal, 'record'>
  readonly metrics: Pick<Metrics, 'stepped'>
  readonly happenings: Happenings
  readonly log: Log
  /** How long steps are gathered; null: those of a turn of the event loop. */
  readonly gatherMs: Readonly<Record<Pace, number>> | null
}

interface Batch {
  /** Its place among all of them. */
  readonly number: number
  readonly steps: DeliveryStep[]
  readonly whenDurable: (() => void)[]
}

/** What is told of a step. */
type Told = Pick<DeliveryStep, 'kind' | 'host' | 'eventId' | 'atUs'>

const TROUBLE: Backoff = { firstMs: 100, mostMs: 5000 }
/** What has come since is written together, so many steps at a time. */
const MOST_TOGETHER = 5000

/**
 * Batches go to the journal as they come, without waiting for those before them (it keeps the order of its calls): a step must not
 * be overtaken by the acknowledgement that answers it. When one fails, it and what comes after wait, and are written together and in
 * order as soon as the journal takes them: it is behind for as long as the trouble lasts, however much comes.
 */
export function createRecorder(parts: RecorderParts): Recorder {
  const { journal, log, gatherMs } = parts
  const stopped = new AbortController()
  let count = 0
  const newBatch = (): Batch => ({ number: count++, steps: [], whenDurable: [] })
  let gathering = newBatch()
  let flushAtMs = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  /** What could not be written and what came since, in order; there is some only while that is caught up with. */
  const late: Batch[] = []
  let catchingUp: Promise<void> | null = null
  let isClosed = false
  const underWay = new Set<Promise<void>>()

  const write = async (batch: Batch) => {
    await journal.record(batch.steps)
    // The journal tells of those itself: more than one may have followed a server, or none.
    tell(
      parts,
      batch.steps.filter(({ kind }) => kind !== 'moved'),
    )
    for (const call of batch.whenDurable) call()
  }
  const catchUp = async () => {
    for (let failures = 1; late.length > 0 && !stopped.signal.aborted; ) {
      if (failures > 0) await sleep(retryDelayMs(TROUBLE, failures), undefined, { signal: stopped.signal }).catch(() => {})
      const batch = takeTogether(late)
      try {
        await write(batch)
        failures = 0
      } catch (error) {
        putInOrder(late, batch)
        if (++failures % 10 === 0)
          log.warn({ err: error, steps: batch.steps.length }, 'steps of deliveries still cannot be recorded')
      }
    }
    catchingUp = null
  }
  const settle = async (batch: Batch) => {
    try {
      if (catchingUp === null) return await write(batch)
    } catch (error) {
      log.warn({ err: error, steps: batch.steps.length }, 'steps of deliveries cannot be recorded now; they are tried again')
    }
    putInOrder(late, batch)
    catchingUp ??= catchUp()
    await catchingUp
  }
  const flush = () => {
    clearTimeout(timer)
    flushAtMs = Number.POSITIVE_INFINITY
    if (gathering.steps.length === 0) return
    const settled = settle(gathering)
    gathering = newBatch()
    underWay.add(settled)
    void settled.finally(() => underWay.delete(settled))
  }
  const flushAfter = (pace: Pace) => {
    const atMs = gatherMs === null ? 0 : performance.now() + gatherMs[pace]
    if (flushAtMs <= atMs) return
    flushAtMs = atMs
    clearTimeout(timer)
    // Behind this turn's input and before the next one's, so that no acknowledgement can come first.
    if (gatherMs === null) setImmediate(flush)
    else timer = setTimeout(flush, gatherMs[pace])
  }
  return {
    get isBehind() {
      return catchingUp !== null
    },
    record: (steps, onDurable, pace = 'soon') => {
      if (isClosed) return
      for (const step of steps) gathering.steps.push(step)
      if (onDurable !== undefined) gathering.whenDurable.push(onDurable)
      flushAfter(pace)
    },
    close: async (graceMs) => {
      isClosed = true
      flush()
      const over = new AbortController()
      await Promise.race([Promise.all(underWay), sleep(graceMs, undefined, { signal: over.signal }).catch(() => {})])
      over.abort()
      stopped.abort()
    },
  }
}

/** Several may be under way when the first of them fails. */
function putInOrder(late: Batch[], batch: Batch): void {
  const at = late.findIndex(({ number }) => number > batch.number)
  late.splice(at === -1 ? late.length : at, 0, batch)
}

/** Takes the first of them, as one. */
function takeTogether(late: Batch[]): Batch {
  const [{ number } = { number: 0 }] = late
  const together: Batch = { number, steps: [], whenDurable: [] }
  while (late[0] !== undefined && together.steps.length < MOST_TOGETHER) {
    const { steps, whenDurable } = late.shift() as Batch
    for (const step of steps) together.steps.push(step)
    together.whenDurable.push(...whenDurable)
  }
  return together
}

/** Tells those who watch and count, in the order of the steps. */
export function tell({ metrics, happenings }: Pick<RecorderParts, 'metrics' | 'happenings'>, steps: readonly Told[]): void {
  const counts = new Map<DeliveryStep['kind'], number>()
  for (const { kind } of steps) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  for (const [kind, count] of counts) metrics.stepped(kind, count)
  if (!happenings.isWatched) return
  for (let from = 0; from < steps.length; ) {
    const { kind, host, atUs } = steps[from] as Told
    const eventIds: EventId[] = []
    for (; isSame(steps[from], kind, host); from++) eventIds.push((steps[from] as Told).eventId)
    happenings.tell({ kind, host, eventIds, atUs } satisfies Happening)
  }
}

function isSame(step: Told | undefined, kind: DeliveryStep['kind'], host: HostName): boolean {
  return step?.kind === kind && step.host === host
}
