import { Worker } from 'node:worker_threads'
import { oneByOne } from '../../lib/one-by-one.ts'
import { ShortLivedMap } from '../../lib/short-lived-map.ts'
import type { Log } from '../../observe/log.ts'
import { JournalUnavailable } from '../journal.ts'
import type { Greeting, WireCall, WireReply } from './protocol.ts'
import { GOODBYE, type ThreadData } from './thread-port.ts'

/** For each kind of call its body and its answer. */
type CallTable<Calls> = { readonly [Kind in keyof Calls]: { readonly body: unknown; readonly answer: unknown } }

/** A thread as the main thread sees it. */
export interface Thread<Calls extends CallTable<Calls>> {
  /**
   * Calls of one tick travel together. Rejects with `JournalUnavailable` when the thread cannot do it, is not there, or has too
   * much to do already; `weight` is how many rows the call is about.
   */
  call<Kind extends keyof Calls & string>(kind: Kind, body: Calls[Kind]['body'], weight?: number): Promise<Calls[Kind]['answer']>
  /** How often it has come up. */
  readonly starts: number
  /** Whether the last call that it answered failed. */
  readonly isTroubled: boolean
  /** Lets what is under way finish, and ends the thread. Further calls reject. */
  close(): Promise<void>
}

/** How to start a thread. */
export interface ThreadOptions {
  readonly entry: 'writer-thread' | 'reader-thread'
  readonly file: string
  readonly repeatWindowMs: number
  readonly log: Log
}

/** Rows that may wait for a thread: some 30 MB. Beyond, the disk is not keeping up, and waiting longer helps nobody. */
const MAX_WAITING = 100_000
const RESTART_MS = { first: 100, most: 10_000 } as const
/**
 * Threads whose objects live for a moment need little: with Node's own limits (those of the machine) the writer lets its garbage
 * grow to 70 MB before it looks at it, and is no faster.
 */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 }

/** `.ts` as long as the sources run, `.js` in the built package. */
const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'))

interface Waiting {
  readonly weight: number
  resolve(answer: unknown): void
  reject(error: JournalUnavailable): void
}

/** Starts a thread and waits until it has opened the file; rejects with `JournalUnavailable` when it cannot. */
export async function startThread<Calls extends CallTable<Calls>>(options: ThreadOptions): Promise<Thread<Calls>> {
  const thread = new SupervisedThread<Calls>(options)
  try {
    await thread.start()
    return thread
  } catch (error) {
    throw new JournalUnavailable(`journal ${options.file}: ${messageOf(error)}`, { cause: error })
  }
}

/**
 *     up ──ends unasked──► down ──after 100 ms, doubled up to 10 s──► up
 *      └──close()──► closed
 *
 * When it goes down every call under way is rejected: some may have been written, none has been answered.
 */
class SupervisedThread<Calls extends CallTable<Calls>> implements Thread<Calls> {
  readonly #options: ThreadOptions
  readonly #waiting = new ShortLivedMap<number, Waiting>()
  #waitingWeight = 0
  #lastTicket = 0
  /** Calls of this turn of the event loop, not yet posted. */
  #outbox: WireCall[] = []
  /** Null while it is down. */
  #worker: Worker | null = null
  #downReason = 'it is starting'
  #closing = false
  #starts = 0
  #isTroubled = false
  #restart: NodeJS.Timeout | undefined
  /** Called when nothing waits any more. */
  #onIdle = (): void => {}

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** Rejects with what the thread says when it cannot come up. */
  async start(): Promise<void> {
    const { worker, ended } = await startWorker(this.#options, (replies) => this.#settle(replies))
    // Closed while it came up.
    if (this.#closing) worker.postMessage(GOODBYE)
    this.#worker = worker
    this.#starts++
    ended.then((reason) => this.#goDown(reason))
  }

  get starts(): number {
    return this.#starts
  }

  get isTroubled(): boolean {
    return this.#isTroubled
  }

  call<Kind extends keyof Calls & string>(kind: Kind, body: Calls[Kind]['body'], weight = 1): Promise<Calls[Kind]['answer']> {
    if (this.#closing) return Promise.reject(this.#unavailable('it is closed'))
    if (this.#worker === null) return Promise.reject(this.#unavailable(this.#downReason))
    if (this.#waitingWeight + weight > MAX_WAITING && this.#waiting.size > 0) {
      return Promise.reject(this.#unavailable('too much waits for the disk'))
    }
    const ticket = ++this.#lastTicket
    // After the I/O callbacks of this turn of the event loop: every request that it read goes into the same message.
    if (this.#outbox.push([ticket, kind, weight, JSON.stringify(body)]) === 1) setImmediate(() => this.#post())
    this.#waitingWeight += weight
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { weight, resolve: (answer) => resolve(parseAnswer(answer)), reject })
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#restart)
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    const worker = this.#worker
    if (worker === null) return
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage(GOODBYE)
    await ended
  }

  #post(): void {
    if (this.#outbox.length > 0) this.#worker?.postMessage(this.#outbox)
    this.#outbox = []
  }

  #settle(replies: readonly WireReply[]): void {
    oneByOne(replies.map((reply) => () => this.#settleOne(reply)))
  }

  #settleOne([ticket, answer, fault]: WireReply): void {
    const call = this.#takeOut(ticket)
    this.#isTroubled = fault !== undefined
    if (fault === undefined) call?.resolve(answer)
    else call?.reject(this.#unavailable(fault))
  }

  #takeOut(ticket: number): Waiting | undefined {
    const call = this.#waiting.get(ticket)
    if (call === undefined) return undefined
    this.#waiting.delete(ticket)
    this.#waitingWeight -= call.weight
    if (this.#waiting.size === 0) this.#onIdle()
    return call
  }

  #goDown(reason: string): void {
    const { entry, file, log } = this.#options
    this.#worker = null
    this.#isTroubled = true
    this.#downReason = reason
    this.#outbox = []
    for (const [ticket] of [...this.#waiting.entries()]) this.#takeOut(ticket)?.reject(this.#unavailable(reason))
    if (this.#closing) return
    log.error({ thread: entry, file, reason }, 'a thread of the journal ended; starting it again')
    this.#startLater(RESTART_MS.first)
  }

  #startLater(delayMs: number): void {
    const { entry, file, log } = this.#options
    this.#restart = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.#downReason = messageOf(error)
        log.error({ thread: entry, file, reason: this.#downReason }, 'a thread of the journal cannot be started')
        if (!this.#closing) this.#startLater(Math.min(delayMs * 2, RESTART_MS.most))
      })
    }, delayMs)
  }

  #unavailable(reason: string): JournalUnavailable {
    return new JournalUnavailable(`journal ${this.#options.file}: ${reason}`)
  }
}

/** A worker that has greeted; `ended` tells why it is no more. Rejects with what it says when it cannot open the file. */
async function startWorker({ entry, file, repeatWindowMs }: ThreadOptions, settle: (replies: readonly WireReply[]) => void) {
  const workerData: ThreadData = { file, repeatWindowMs }
  const worker = new Worker(new URL(`./${entry}${EXTENSION}`, import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: RESOURCE_LIMITS,
  })
  let reason = 'its thread ended'
  worker.on('error', (error: unknown) => {
    reason = messageOf(error)
  })
  const ended = new Promise<string>((resolve) => worker.once('exit', () => resolve(reason)))
  const greeting = await Promise.race([
    new Promise<Greeting>((resolve) => worker.once('message', (message) => resolve(parseGreeting(message)))),
    ended.then((message): Greeting => ({ kind: 'failed', message })),
  ])
  if (greeting.kind === 'failed') {
    await ended
    throw new Error(greeting.message)
  }
  worker.on('message', (message) => settle(parseReplies(message)))
  return { worker, ended }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function parseGreeting(message: unknown): Greeting {
  return message as Greeting
}

function parseReplies(message: unknown): readonly WireReply[] {
  return JSON.parse(String(message)) as readonly WireReply[]
}

/** Answers come from `serveThread` of this same version; the table of calls says what each is. */
function parseAnswer<Answer>(answer: unknown): Answer {
  return answer as Answer
}
