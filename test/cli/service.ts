import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startCommand } from './command.ts'

/** A real novacast, started by the command under test, on a free port and a data folder of its own. */
export interface Service {
  readonly url: string
  readonly process: ChildProcess
  /** Everything it has printed so far. */
  readonly printed: () => string
  /** Asks it to stop; resolves with its exit code. Its data is removed. */
  stop(): Promise<number | null>
}

/** Starts `novacast serve` and waits until it listens. Rejects with what it said when it does not. */
export async function startService(args: readonly string[] = []): Promise<Service> {
  const dataDir = mkdtempSync(join(tmpdir(), 'novacast-cli-'))
  const child = startCommand(['serve', '--port', '0', '--data-dir', dataDir, ...args])
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece
  })
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece
  })
  const stop = async () => {
    child.kill('SIGTERM')
    const code = await ended
    rmSync(dataDir, { recursive: true, force: true })
    return code
  }
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const found = /http:\/\/\S+/.exec(stdout)
      if (found !== null) resolve(found[0])
    })
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${stdout}${stderr}`)))
  })
  return { url, process: child, printed: () => stdout + stderr, stop }
}

/** A running command whose lines can be waited for. */
export interface Lines {
  readonly process: ChildProcess
  readonly all: readonly string[]
  /** The first line that matches, from now or before. Rejects when the command ends without it. */
  next(pattern: RegExp): Promise<string>
  /** Ends it with SIGTERM and resolves with its exit code. */
  stop(): Promise<number | null>
}

/** The lines that a process prints, on both outputs. */
export function readLines(child: ChildProcess): Lines {
  const all: string[] = []
  const wake = new Set<() => void>()
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let isOver = false
  const woken = () => {
    for (const each of wake) each()
  }
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null)
      createInterface({ input: stream }).on('line', (line) => {
        all.push(line)
        woken()
      })
  void ended.then(() => {
    isOver = true
    woken()
  })
  return {
    process: child,
    all,
    next: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = all.find((line) => pattern.test(line))
          if (found === undefined && !isOver) return
          wake.delete(look)
          if (found === undefined) reject(new Error(`ended without ${pattern}:\n${all.join('\n')}`))
          else resolve(found)
        }
        wake.add(look)
        look()
      }),
    stop: async () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}

/** Runs a line of the shell; its outputs can be waited for. */
export function startShell(line: string, environment: Readonly<Record<string, string>> = {}): Lines {
  return readLines(spawn('sh', ['-c', line], { env: { PATH: process.env['PATH'], ...environment } }))
}
