import { startCommand } from '../cli/command.ts'

/** A novacast in a process of its own, to be killed without warning. */
export interface Doomed {
  readonly url: string
  /** `kill -9`, and the wait until the process is gone. */
  kill(): Promise<void>
}

/** Starts novacast over a data folder that may have seen others die. */
export async function startDoomed(dataDir: string): Promise<Doomed> {
  const child = startCommand(['serve', '--port', '0', '--data-dir', dataDir])
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
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
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
}
