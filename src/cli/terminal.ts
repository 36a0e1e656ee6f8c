import type { Readable } from 'node:stream'
import { styleText } from 'node:util'
import { printable } from './printable.ts'

/** What a command has to do with the outside: data goes to standard output, talk to standard error. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable
  /** For progress bars and the like. */
  readonly stderr: NodeJS.WriteStream
  /** Writes data; resolves when it has been taken, so that a slow reader slows the writer. */
  write(text: string): Promise<void>
  /** Says something to the person: one line, whatever is in it. */
  say(line: string): void
  /** Says something of several lines. */
  sayLines(text: string): void
  /** Whether standard output is a terminal. */
  readonly isWatched: boolean
  /** The text in a colour where standard output is a terminal that wants colours. */
  colour(colour: Colour, text: string): string
  /** Ends the process at once. */
  exit(code: number): never
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'

type Process = Pick<NodeJS.Process, 'env' | 'stdin' | 'stdout' | 'stderr' | 'exit'>

/**
 * The terminal of a process. A reader that goes away (`| head`) ends the process quietly. What cannot be said is no reason to end: the
 * disk that a service's standard error goes to may be full.
 */
export function createTerminal({ env, stdin, stdout, stderr, exit }: Process): Terminal {
  stdout.on('error', (error: NodeJS.ErrnoException) => exit(error.code === 'EPIPE' ? 0 : 1))
  stderr.on('error', () => {})
  const say = (line: string) => {
    stderr.write(`${printable(line)}\n`)
  }
  return {
    environment: env,
    stdin,
    stderr,
    write: (text) => new Promise((resolve) => stdout.write(text, () => resolve())),
    say,
    isWatched: stdout.isTTY === true,
    sayLines: (text) => text.trimEnd().split('\n').forEach(say),
    colour: (colour, text) => styleText(colour, text, { stream: stdout }),
    exit: (code) => exit(code),
  }
}
