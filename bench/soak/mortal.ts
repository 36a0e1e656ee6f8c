import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A novacast that is killed again and again, and started at once where it was. */
export interface Mortal {
  /** The same in every life. */
  readonly url: string
  /** Null while it is not there. */
  readonly pid: number | null
  killAndStart(): Promise<void>
  stop(): Promise<void>
}

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

/** Starts it beside Nova's databases and a broker, with its journal in this directory. */
export async function startMortal(
  directory: string,
  { apiDatabase, transportUrl }: { readonly apiDatabase: string; readonly transportUrl: string },
): Promise<Mortal> {
  const conf = join(directory, 'novacast.conf')
  const nova = `[DEFAULT]\ntransport_url = ${transportUrl}\n[api_database]\nconnection = ${apiDatabase}\n`
  writeFileSync(conf, `${nova}[novacast]\nidentity = noauth\ndata_dir = ${directory}/data\nlog_level = error\n`)
  const args = [MAIN, 'serve', '--config-file', conf, '--port']
  let life = await begin([...args, '0'])
  const { url } = life
  let isThere = true
  return {
    url,
    get pid() {
      return isThere ? (life.child.pid ?? null) : null
    },
    killAndStart: async () => {
      isThere = false
      await life.end('SIGKILL')
      life = await begin([...args, new URL(url).port])
      isThere = true
    },
    stop: () => life.end('SIGTERM'),
  }
}

async function begin(args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (piece: Buffer) => {
      const found = /listens on (http:\/\/\S+)/.exec(piece.toString())
      if (found?.[1] !== undefined) resolve(found[1])
    })
    child.once('exit', (code) => reject(new Error(`novacast ended with ${code} before it listened`)))
  })
  return {
    child,
    url,
    end: async (signal: NodeJS.Signals) => {
      child.kill(signal)
      await gone
    },
  }
}
