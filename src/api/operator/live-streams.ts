import type { StreamSink } from '../../cast/stream/stream-caster.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Happening, Happenings } from '../../observe/happenings.ts'
import { renderMessage } from './event-stream.ts'
import { createLiveSieve, type LiveFilter, type LiveSieve, type Told } from './live-sieve.ts'
import { renderReceipt } from './receipts.ts'
import { renderDecided } from './render.ts'
import { renderTime } from './time.ts'

/** Streams of what happens, one per reader. */
export interface LiveStreams {
  /** Tells what happens from now on, until the reader goes or these are closed. */
  follow(sink: StreamSink, filter: LiveFilter): void
  close(): void
}

/** What live streams rest on. */
export interface LiveStreamsParts {
  readonly happenings: Happenings
  readonly journal: Pick<Journal, 'event'>
  readonly heartbeatMs: number
  /** How long a reader may take nothing before its stream is ended, looked at with each heartbeat. */
  readonly stallMs?: number
}

/** Happenings that wait for one reader; what comes beyond is dropped and counted. */
const MAX_WAITING = 1000
/** Long enough for a laptop that sleeps for a moment; whoever reads again connects again. */
const STALL_MS = 300_000
/** Characters put together before they are written. */
const PIECE_LENGTH = 16 * 1024

/** Tells each reader everything in order, as fast as it reads; what is too much for one is nothing to the others. */
export function createLiveStreams({ happenings, journal, heartbeatMs, stallMs = STALL_MS }: LiveStreamsParts): LiveStreams {
  const sinks = new Set<StreamSink>()
  return {
    follow: (sink, filter) => {
      const reader = createReader(sink, createLiveSieve(filter, journal), stallMs)
      const stop = happenings.watch(reader.hear)
      const heartbeat = setInterval(reader.beat, heartbeatMs)
      sinks.add(sink)
      sink.write('retry: 1000\n\n')
      sink.onClose(() => {
        clearInterval(heartbeat)
        stop()
        sinks.delete(sink)
      })
    },
    close: () => {
      for (const sink of sinks) sink.end()
    },
  }
}

interface Reader {
  hear(happening: Happening): void
  /** Says that the stream is still there; to a reader that is behind this is no news, and must not gather. Ends one that has stalled. */
  beat(): void
}

/** Writes to one sink, off the path of those who tell. */
function createReader(sink: StreamSink, sieve: LiveSieve, stallMs: number): Reader {
  const waiting = createWaiting()
  /** When the sink was last full, while it is. */
  let fullSinceMs: number | null = null
  let isWriting = false

  const put = (text: string) => {
    if (!sink.write(text)) fullSinceMs ??= performance.now()
  }
  const write = async () => {
    while (fullSinceMs === null && !waiting.isEmpty) put(await nextPiece(waiting, sieve))
    isWriting = false
  }
  const wake = () => {
    if (isWriting || fullSinceMs !== null || waiting.isEmpty) return
    isWriting = true
    setImmediate(write)
  }
  sink.onDrain(() => {
    fullSinceMs = null
    wake()
  })
  return {
    hear: (happening) => {
      for (const told of toldOf(happening)) if (sieve.mayConcern(told)) waiting.add(told)
      wake()
    },
    beat: () => {
      if (fullSinceMs === null) put(':\n\n')
      else if (performance.now() - fullSinceMs >= stallMs) sink.end()
    },
  }
}

function* toldOf(happening: Happening): Generator<Told> {
  if (happening.kind === 'accepted') {
    // Without the other events: a thousand that wait for a slow reader would keep a thousand others each.
    const { events, ...head } = happening.submission
    for (const decided of events) yield { kind: 'accepted', head, decided }
  } else {
    const { kind: step, host, atUs, receipts } = happening
    for (const id of happening.eventIds) yield { kind: 'step', step, id, host, atUs, receipt: receipts?.get(id) }
  }
}

/** What waits for a reader, in order. Where something was dropped its count stands in its place. */
interface Waiting {
  add(told: Told): void
  take(): Told | { readonly kind: 'dropped'; readonly count: number } | undefined
  readonly isEmpty: boolean
}

function createWaiting(): Waiting {
  const items: (Told | { readonly kind: 'dropped'; count: number })[] = []
  return {
    add: (told) => {
      const last = items.at(-1)
      if (items.length < MAX_WAITING) items.push(told)
      else if (last?.kind === 'dropped') last.count++
      else items.push({ kind: 'dropped', count: 1 })
    },
    take: () => items.shift(),
    get isEmpty() {
      return items.length === 0
    },
  }
}

async function nextPiece(waiting: Waiting, sieve: LiveSieve): Promise<string> {
  let piece = ''
  while (piece.length < PIECE_LENGTH) {
    const next = waiting.take()
    if (next === undefined) break
    if (next.kind === 'dropped') piece += renderMessage('dropped', { count: next.count })
    else if (next.kind === 'accepted') piece += renderMessage('accepted', renderDecided(next.head, next.decided))
    else piece += await renderStep(next, sieve)
  }
  return piece
}

async function renderStep({ step, id, host, atUs, receipt }: Extract<Told, { kind: 'step' }>, sieve: LiveSieve): Promise<string> {
  switch (sieve.isAsked ? await sieve.concerns(id) : 'yes') {
    case 'yes':
      return renderMessage(step, { id, host, at: renderTime(atUs), ...(receipt && { receipt: renderReceipt(receipt) }) })
    case 'no':
      return ''
    case 'unknown':
      return renderMessage('dropped', { count: 1 })
  }
}
