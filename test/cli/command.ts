import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** The command, as Node runs it. */
export const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

/** What a command line came to. */
export interface CommandResult {
  /** null: ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** How to run a command line. Of the environment of the tests it sees PATH, where Node keeps what it compiles, and what is said here. */
export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
  readonly cwd?: string
}

/** Starts the novacast command from the sources, as a process of its own. */
export function startCommand(args: readonly string[], { environment = {}, cwd }: CommandOptions = {}): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    // Half of what a start takes is to compile the sources.
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
    ...(cwd === undefined ? {} : { cwd }),
  })
}

/** Runs the novacast command to its end. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = startCommand(args, options)
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input ?? '')
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr, code] = await Promise.all([readAll(child.stdout), readAll(child.stderr), ended])
  return { code, stdout, stderr }
}

const readAll = (stream: ChildProcess['stdout']): Promise<string> => (stream === null ? Promise.resolve('') : text(stream))
