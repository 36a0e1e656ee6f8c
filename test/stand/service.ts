import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Processes, Program, Running } from './processes.ts'
import { waitFor } from './wait.ts'

/** What every service of a stand is made with. */
export interface Surroundings {
  /** The stand's own folder; all is under it. */
  readonly root: string
  readonly processes: Processes
  readonly freePort: () => Promise<number>
}

/** Files of what a server shows who it is with, and of the authority whose clients it believes. */
export interface ServerCertificate {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** A service of the stand: what is told of it, as data, and its life. It keeps its ports and files from start to start. */
export interface Service<Info> {
  readonly info: Info
  start(): Promise<void>
  stop(): Promise<void>
  kill(): Promise<void>
  /** Ends it and removes its files. */
  remove(): Promise<void>
}

/** How a service of one process is run. */
export interface Plan<Info> {
  readonly info: Info
  readonly folder: string
  readonly program: Program
  /** Rejects, or gives null, until the service answers. */
  readonly isReady: () => Promise<true | null>
}

/** A started service of one process. */
export async function startService<Info>({ processes }: Surroundings, plan: Plan<Info>): Promise<Service<Info>> {
  let running: Running | null = null
  const end = async (how: 'stop' | 'kill') => {
    await running?.[how]()
    running = null
  }
  const service: Service<Info> = {
    info: plan.info,
    start: async () => {
      if (running !== null) return
      const started = processes.start(plan.program)
      running = started
      await waitUntilReady(started, plan)
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
    remove: async () => {
      await end('kill')
      rmSync(plan.folder, { recursive: true, force: true })
    },
  }
  await service.start()
  return service
}

async function waitUntilReady(running: Running, { program, isReady }: Plan<unknown>): Promise<void> {
  let hasEnded: unknown
  await waitFor(program.name, async () => {
    try {
      running.check()
    } catch (error) {
      hasEnded = error
      return true
    }
    return isReady()
  })
  if (hasEnded !== undefined) throw hasEnded
}

/** A new folder of the stand. */
export function makeFolder(root: string, ...path: string[]): string {
  const folder = join(root, ...path)
  mkdirSync(folder, { recursive: true })
  return folder
}
