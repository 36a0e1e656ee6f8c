import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a process group gets to end in good order before it is killed. */
const STOP_MS = 20_000

/** A program to run, in a process group of its own. */
export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** As which user; root unless given. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** What ends it in good order; SIGTERM unless given. */
  readonly stopSignal?: NodeJS.Signals
}

/** A program that runs. */
export interface Running {
  /** Throws, with the end of what it printed, when it has ended by itself. */
  check(): void
  /** Ends it and all of its group. */
  stop(): Promise<void>
  kill(): Promise<void>
}

/** A program that answers each line with a line. */
export interface Answering {
  /** Rejects with what it has printed when it ends instead. */
  ask(line: string): Promise<string>
  /** Ends it and all of its group. */
  end(): Promise<void>
}

/** A process group that is on record. */
interface Launched {
  readonly child: ChildProcess
  /** Takes it off the record: it has ended. */
  readonly forget: () => void
  /** Ends it and all of its group, and takes it off the record. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

/** Runs programs for one stand: what they print goes to `log/`, their process groups are on record in `run/`. */
export function createProcesses(root: string) {
  for (const folder of ['log', 'run']) mkdirSync(join(root, folder), { recursive: true })
  let isEnding = false

  /** Starts a process group and puts it on record, until `forget`. */
  const launch = (program: Program, stdio: StdioOptions): Launched => {
    if (isEnding) throw new Error('the stand is ending')
    const child = spawn(program.command, program.args, { detached: true, stdio, env: environmentOf(program), ...program.user })
    child.on('error', () => {})
    const { pid } = child
    if (pid === undefined) throw new Error(`expected ${program.command} to be there; it cannot be started`)
    const record = join(root, 'run', String(pid))
    writeFileSync(record, JSON.stringify({ pid, since: startOf(pid), name: program.name }))
    const forget = () => rmSync(record, { force: true })
    const end = async (signal: NodeJS.Signals) => {
      await endGroup(pid, signal)
      forget()
    }
    return { child, forget, end }
  }

  /** The same, with a file in `log/` for what it prints; `lastPrinted` is the end of that. */
  const launchLogged = (program: Program, stdioOf: (log: number) => StdioOptions) => {
    const log = join(root, 'log', `${program.name}.out`)
    const output = openSync(log, 'a')
    const launched = launch(program, stdioOf(output))
    closeSync(output)
    return { ...launched, lastPrinted: () => readFileSync(log, 'utf8').slice(-3000) }
  }

  const start = (program: Program): Running => {
    const { child, end, lastPrinted } = launchLogged(program, (log) => ['ignore', log, log])
    return {
      check: () => {
        if (child.exitCode === null && child.signalCode === null) return
        throw new Error(`${program.name} ended with ${child.exitCode ?? child.signalCode}:\n${lastPrinted()}`)
      },
      stop: () => end(program.stopSignal ?? 'SIGTERM'),
      kill: () => end('SIGKILL'),
    }
  }

  /** Runs a program to its end and gives what it printed on standard output; rejects with both outputs where it fails. */
  const run = async (program: Program, input = ''): Promise<string> => {
    const { child, forget } = launch(program, 'pipe')
    const closed = once(child, 'close')
    child.stdin?.on('error', () => {}).end(input)
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream))),
    )
    const [code] = await closed
    forget()
    if (code === 0) return stdout ?? ''
    throw new Error(`${program.name} ended with ${code}:\n${`${stdout}${stderr}`.slice(-3000)}`)
  }

  /** Starts a program that is asked over its standard input, for as long as the stand is there. */
  const converse = (program: Program): Answering => {
    const { child, end, lastPrinted } = launchLogged(program, (log) => ['pipe', 'pipe', log])
    const waiting: PromiseWithResolvers<string>[] = []
    child.stdin?.on('error', () => {})
    const { stdout } = child
    if (stdout !== null) createInterface(stdout).on('line', (line) => waiting.shift()?.resolve(line))
    child.once('close', (code) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`${program.name} ended with ${code}:\n${lastPrinted()}`))
    })
    return {
      ask: (line) => {
        if (child.exitCode !== null || child.signalCode !== null) return Promise.reject(new Error(`${program.name} has ended`))
        const answer = Promise.withResolvers<string>()
        waiting.push(answer)
        child.stdin?.write(`${line}\n`)
        return answer.promise
      },
      end: () => end('SIGTERM'),
    }
  }

  /** Ends all; from now on nothing is started. */
  const end = async (): Promise<void> => {
    isEnding = true
    await endRecorded(root)
  }

  return { start, run, converse, end }
}

export type Processes = ReturnType<typeof createProcesses>

function environmentOf({ environment }: Program): Record<string, string> {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', PYTHONWARNINGS: 'ignore', ...environment }
}

/** Ends every process group that the stand in this folder has on record, and that is still what was recorded. */
export async function endRecorded(root: string): Promise<void> {
  const records = readdirSync(join(root, 'run')).map((name) => readRecord(join(root, 'run', name)))
  await Promise.all(records.filter(({ pid, since }) => startOf(pid) === since).map(({ pid }) => endGroup(pid, 'SIGTERM')))
}

const readRecord = (file: string) =>
  JSON.parse(readFileSync(file, 'utf8')) as { readonly pid: number; readonly since: string | null }

/** When a process began, in ticks since the machine did: with its id this names a process for good. Null: there is none. */
export function startOf(pid: number): string | null {
  return readStat(pid)?.[19] ?? null
}

/** The fields of proc(5)'s stat after the name, which stands in parentheses and may hold anything: state, parent, … */
function readStat(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

async function endGroup(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (const [next, graceMs] of [
    [signal, STOP_MS],
    ['SIGKILL', 2000],
  ] as const) {
    if (next === 'SIGKILL') for (const each of descendantsOf(pid)) signalProcess(each, next)
    signalGroup(pid, next)
    const deadline = Date.now() + graceMs
    while (isGroupAlive(pid) && Date.now() < deadline) await sleep(20)
    if (!isGroupAlive(pid)) return
  }
}

const isGroupAlive = (pid: number): boolean => signalGroup(pid, 0)

const signalGroup = (pid: number, signal: NodeJS.Signals | 0): boolean => signalProcess(-pid, signal)

function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Of all generations. PostgreSQL's processes each have a group of their own. */
function descendantsOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => [Number(name), readStat(Number(name))?.[1]])
  const below = (of: number): number[] =>
    parents.flatMap(([child, parent]) => (Number(parent) === of && typeof child === 'number' ? [child, ...below(child)] : []))
  return below(pid)
}
