import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A child process that says in a line of its standard output that it is ready. */
export interface Child {
  readonly process: ChildProcess
  /** What `ready` matched. */
  readonly match: RegExpExecArray
  stop(): Promise<void>
}

/** Starts a program and waits for the line that matches. Rejects when it ends before. */
export async function startChild(program: string, args: readonly string[], ready: RegExp): Promise<Child> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = ready.exec(line)
      if (found !== null) resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`${[program, ...args].join(' ')} ended with ${code} before it was ready`)))
  })
  return {
    process: child,
    match,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? Number.NaN) / 1024
}

/** Processor seconds that a process has used, all threads. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}
