import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { toFault } from './faults.ts'
import type { Greeting, WireCall, WireReply } from './protocol.ts'
import type { WorkResult } from './writer.ts'

/** The message after which a thread closes its connection and ends. */
export const GOODBYE = ''

/** A call that has arrived. Its body stays a text until its turn comes: a tenth of the memory of what it will be parsed to. */
export interface Incoming<Work> {
  readonly ticket: number
  /** How many rows it is about. */
  readonly weight: number
  parse(): Work
}

/** What a thread has of its port. */
export interface ThreadPort<Work> {
  /** What has arrived meanwhile, without waiting. */
  receive(): readonly Incoming<Work>[]
  /** Answers calls: to each the result in its place. */
  reply(calls: readonly Incoming<Work>[], results: readonly WorkResult[]): void
}

/** What a thread does. */
export interface ThreadBody<Work> {
  take(arrived: readonly Incoming<Work>[], port: ThreadPort<Work>): void
  close(): void
}

/** Opens what the thread works on, greets the main thread, and serves until it says goodbye. */
export async function serveThread<Work>(open: () => Promise<ThreadBody<Work>>): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('this file is the entry of a thread')
  const greet = (greeting: Greeting) => port.postMessage(greeting)
  let leaving = false
  const self: ThreadPort<Work> = {
    receive: () => {
      const arrived: Incoming<Work>[] = []
      for (let next = receiveMessageOnPort(port); next !== undefined && !leaving; next = receiveMessageOnPort(port)) {
        if (next.message === GOODBYE) leaving = true
        else arrived.push(...parseCalls<Work>(next.message))
      }
      return arrived
    },
    reply: (calls, results) => port.postMessage(renderReplies(calls, results)),
  }
  try {
    const body = await open()
    port.on('message', (message: unknown) => {
      if (message === GOODBYE) leaving = true
      else body.take([...parseCalls<Work>(message), ...self.receive()], self)
      if (!leaving) return
      body.close()
      port.close()
    })
    greet({ kind: 'ready' })
  } catch (error) {
    greet({ kind: 'failed', message: toFault(error).message })
    port.close()
  }
}

/** The main thread's calls; written by `thread.ts` of this same version, so that their shape is believed. */
function parseCalls<Work>(message: unknown): readonly Incoming<Work>[] {
  return (message as readonly WireCall[]).map(([ticket, kind, weight, body]) => ({
    ticket,
    weight,
    parse: () => ({ kind, body: JSON.parse(body) }) as Work,
  }))
}

/** What a thread is started with. */
export interface ThreadData {
  readonly file: string
  readonly repeatWindowMs: number
}

export function parseThreadData(value: unknown): ThreadData {
  return value as ThreadData
}

function renderReplies(calls: readonly Incoming<unknown>[], results: readonly WorkResult[]): string {
  const replies = calls.flatMap(({ ticket }, i): WireReply[] => {
    const result = results[i]
    if (result === undefined) return []
    return [result.kind === 'done' ? [ticket, result.answer] : [ticket, null, result.fault.message]]
  })
  return JSON.stringify(replies)
}
