import { type ChildProcess, spawn } from 'node:child_process'
import { Server } from 'node:net'
import { inTime } from '../lib/in-time.ts'
import { FROM_SUCCESSOR, type FromSuccessor, PREDECESSOR, parseWord, type ToSuccessor } from './serve-lives.ts'

/** Who serves: this process, or one that it has started. */
export interface Incumbent {
  /** The listening socket, to be inherited by what is started in the same turn of the event loop. */
  socket(): Promise<Server>
  /** Frees the journal's file. Requests wait. */
  letGo(): Promise<void>
  /** Goes on after all. */
  resume(): Promise<void>
  /** Another one serves now. */
  leave(): void
}

export interface SuccessionParts {
  /** This process' own service. */
  readonly own: Incumbent & { stop(): Promise<void> }
  /** What starts a successor: a program and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
}

/** The lives of one service, one after the other, behind the process id of the first. */
export interface Succession {
  /** Has a new process take over. Where it cannot, all goes on as before. Never rejects. */
  replace(): Promise<void>
  /**
   * Ends all of them, those that have left and still answer over connections that they have among them, and this one's own service.
   * Resolves with the exit code of the process that served, or null where it was this one.
   */
  stop(): Promise<number | null>
  /** Resolves with the exit code when a process that serves ends unasked. */
  readonly lost: Promise<number>
}

/** How long a successor may take to come up, on a machine with much else to do; and then to open the journal, migrations of a large one included. */
const COME_UP_MS = 300_000
const OPEN_MS = 300_000
/** How long the process that serves may take to share its socket: it has it ready. */
const SHARE_MS = 30_000

export function createSuccession({ own, command, environment, say }: SuccessionParts): Succession {
  let incumbent: Incumbent = own
  let child: ChildProcess | null = null
  /** What was started and has not ended: the one that serves, and those that have left. */
  const running = new Map<ChildProcess, Promise<number>>()
  let replacing: Promise<void> | null = null
  /** What was started and does not serve yet. */
  let candidate: ChildProcess | null = null
  let isStopping = false
  const lost = Promise.withResolvers<number>()

  const start = async (): Promise<ChildProcess> => {
    const server = await incumbent.socket()
    const [program, ...args] = command
    const next: ChildProcess = spawn(program, args, {
      stdio: ['inherit', 'inherit', 'inherit', fdOf(server), 'ipc'],
      env: { ...environment, [PREDECESSOR]: String(process.pid) },
    })
    // One that came from another process has only been held for this.
    if (incumbent !== own) server.close()
    next.on('error', () => {})
    candidate = next
    if (isStopping) next.kill('SIGKILL')
    return next
  }
  const follow = (started: ChildProcess) => {
    const ended = new Promise<number>((resolve) => started.once('exit', (code) => resolve(code ?? 1)))
    running.set(started, ended)
    void ended.then((code) => {
      running.delete(started)
      if (child === started) lost.resolve(code)
    })
  }
  const takeOver = async () => {
    let next: ChildProcess | null = null
    let letGoAtMs: number | null = null
    try {
      next = await start()
      if ((await hear(next, ['waiting', 'serving'], COME_UP_MS)) === 'waiting') {
        letGoAtMs = performance.now()
        await incumbent.letGo()
        tell(next, 'yours')
        await hear(next, ['serving'], OPEN_MS)
      }
    } catch (error) {
      next?.kill('SIGKILL')
      if (!isStopping)
        say(`a new process could not take over, this one goes on: ${error instanceof Error ? error.message : error}`)
      // Until it has ended it may have the journal's file.
      if (next !== null) await ended(next)
      if (letGoAtMs !== null) await incumbent.resume()
      return
    } finally {
      candidate = null
    }
    incumbent.leave()
    incumbent = toIncumbent(next)
    child = next
    follow(next)
    const waited = letGoAtMs === null ? '' : `; requests waited ${Math.round(performance.now() - letGoAtMs)} ms`
    say(`process ${next.pid} serves from now on${waited}`)
  }
  return {
    replace: () => {
      replacing ??= takeOver()
        .catch((error: unknown) => {
          // It could not go on either: whoever started this process may start it anew.
          say(`this process cannot go on: ${error instanceof Error ? error.message : error}`)
          lost.resolve(1)
        })
        .finally(() => {
          replacing = null
        })
      return replacing
    },
    stop: async () => {
      isStopping = true
      candidate?.kill('SIGKILL')
      await replacing
      for (const each of running.keys()) tell(each, 'stop')
      const code = child === null ? null : running.get(child)
      await Promise.all([own.stop(), ...running.values()])
      return code ?? null
    },
    lost: lost.promise,
  }
}

/**
 * The number of a listening socket. Node tells it in no documented way; sending the server over the channel instead would have both processes
 * accept before the successor can answer.
 */
function fdOf(server: Server): number {
  const { _handle: handle } = server as unknown as { readonly _handle: { readonly fd: number } | null }
  if (handle === null) throw new Error('the server does not listen')
  return handle.fd
}

/** A process that serves, as this one sees it. */
function toIncumbent(child: ChildProcess): Incumbent {
  return {
    socket: async () => {
      const shared = share(child)
      const late = () => new Error(`the process that serves did not share its socket within ${SHARE_MS / 1000} s`)
      try {
        return await inTime(shared, SHARE_MS, late)
      } catch (error) {
        // Here nobody would answer what it takes.
        shared.then(
          (server) => server.close(),
          () => {},
        )
        throw error
      }
    },
    letGo: async () => {
      tell(child, 'let-go')
      await hear(child, ['gone'], OPEN_MS)
    },
    resume: async () => tell(child, 'resume'),
    leave: () => tell(child, 'leave'),
  }
}

function share(child: ChildProcess): Promise<Server> {
  return new Promise((resolve, reject) => {
    const listen = (message: unknown, handle: unknown) => {
      if (message !== 'socket' || !(handle instanceof Server)) return
      child.off('message', listen)
      resolve(handle)
    }
    child.on('message', listen).once('exit', () => reject(new Error('the process that serves has ended')))
    tell(child, 'share')
  })
}

/** Whether it has ended, or never began. */
function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function ended(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await new Promise((resolve) => child.once('exit', resolve).once('close', resolve))
}

function tell(child: ChildProcess, word: ToSuccessor): void {
  // Who cannot be told has ended, which is heard of in another way.
  child.send(word, () => {})
}

/** The first of these words that a process says. Rejects when it ends instead, cannot be started, or takes too long. */
function hear(child: ChildProcess, words: readonly FromSuccessor[], withinMs: number): Promise<FromSuccessor> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => {
      clearTimeout(timer)
      child.off('message', listen).off('exit', gone).off('error', failed)
      act()
    }
    const listen = (message: unknown) => {
      const word = parseWord(FROM_SUCCESSOR, message)
      if (word !== null && words.includes(word)) end(() => resolve(word))
    }
    const gone = () => end(() => reject(new Error(`it ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`)))
    // Of one that could not be started nothing else is heard.
    const failed = (error: Error) => end(() => reject(error))
    const timer = setTimeout(() => end(() => reject(new Error(`it took longer than ${withinMs / 1000} s`))), withinMs)
    child.on('message', listen).on('exit', gone).on('error', failed)
    // Whoever was started in vain still says why.
    if (hasEnded(child) && child.pid !== undefined) gone()
  })
}
