import type { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFront, type ListenAt } from './api/front.ts'
import { type App, assemble } from './app.ts'
import type { Config } from './config/config.ts'
import type { Log } from './observe/log.ts'

export type { ListenAt } from './api/front.ts'

/**
 * A novacast behind a port.
 *
 *     made ──listen()──► serving ──stop()──► stopped
 *                         │  ▲
 *                letGo()  ▼  │ resume()
 *                      waiting: nothing is asked of the journal, which another process may open; requests wait
 *                         │
 *                         └──leave()──► hands on what comes over its connections; takes no new ones
 */
export interface Service {
  /** Begins to answer and to deliver. Rejects when the address or socket cannot be had. */
  listen(at: ListenAt): Promise<{ readonly url: string }>
  /** What listens, for a successor to inherit. */
  readonly server: Server
  letGo(): Promise<void>
  resume(): Promise<void>
  /** A successor listens on the same socket. Resolves when no connection is left here. */
  leave(): Promise<void>
  /** Tells load balancers and clients that it stops, then lets what is under way come to an end, and flushes. */
  stop(): Promise<void>
}

export interface ServiceOptions {
  readonly config: Config
  readonly log: Log
  /** Resolves when the file of the journal may be opened. */
  journalIsFree(): Promise<void>
}

/** How long requests under way get to come to an end. */
const CLOSE_MS = 5000
/** How long clients get, when it stops, to send one more request over each connection and be told that it ends. */
const PATIENCE_MS = 1000

/** Puts a novacast together. Rejects with what is wrong where a part cannot be made. */
export async function createService({ config, log, journalIsFree }: ServiceOptions): Promise<Service> {
  let isLeaving = false
  let hasLeft = false
  const surroundings = { isLeaving: () => isLeaving, journalIsFree }
  let app: App | null = await assemble(config, log, surroundings)
  const front = createFront({ ...app, config, log })
  const closeApp = async () => {
    const closing = app
    app = null
    await closing?.close()
  }
  let letting: Promise<void> | null = null
  const finish = () => {
    letting ??= front.finish(CLOSE_MS).then(closeApp)
    return letting
  }
  return {
    listen: async (at) => {
      const listening = await front.listen(at)
      await app?.start()
      return listening
    },
    server: front.server,
    letGo: () => {
      front.hold()
      return finish()
    },
    resume: async () => {
      // What could not be closed in good order is opened anew all the same.
      await letting?.catch(() => {})
      letting = null
      app = await assemble(config, log, { ...surroundings, journalIsFree: async () => {} })
      front.open(app)
      await app.start()
    },
    leave: async () => {
      isLeaving = true
      hasLeft = true
      const gone = front.handOn()
      await finish()
      await gone
    },
    stop: async () => {
      isLeaving = true
      const drained = config.listen.drainMs
      // Where it has left, whoever connects anew is told by its successor.
      await Promise.all([front.retire(Math.max(drained, PATIENCE_MS)), hasLeft ? undefined : sleep(drained)])
      await front.close(CLOSE_MS)
      await closeApp()
    },
  }
}
