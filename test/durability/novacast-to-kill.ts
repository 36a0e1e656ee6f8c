import { startCommand } from '../cli/command.ts'

/** A novacast in a process of its own, to be killed without warning. */
export interface Doomed {
  readonly url: string
  /** Resolves when the process is gone, with the signal that ended it. */
  readonly gone: Promise<NodeJS.Signals | null>
  /** `kill -9`, and the wait until the process is gone. */
  kill(): Promise<void>
}

export interface DoomedOptions {
  /** Besides the data folder. */
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** Starts novacast over a data folder that may have seen others die. */
export async function startDoomed(dataDir: string, { flags = [], environment = {} }: DoomedOptions = {}): Promise<Doomed> {
  const child = startCommand(['serve', '--port', '0', '--data-dir', dataDir, ...flags], { environment })
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (piece: Buffer) => {
      said += piece.toString()
      const found = /listens on (http:\/\/\S+)/.exec(said)
      if (found?.[1] !== undefined) resolve(found[1])
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code) => reject(new Error(`novacast ended with ${code}: ${said}`)))
  })
  return {
    url,
    gone,
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
}
