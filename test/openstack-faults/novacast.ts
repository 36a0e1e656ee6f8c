import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Client, createClient, type EventFilter, type EventRecord, staticToken } from '../../src/sdk/index.ts'
import { startCommand } from '../cli/command.ts'
import { createPorts } from '../stand/ports.ts'
import type { Keystone, Nova } from '../stand/stand.ts'
import { waitFor } from '../stand/wait.ts'

/** A novacast beside a Nova, in a process of its own, that can be killed and started again where it was. */
export interface Novacast {
  /** The same in every life. */
  readonly url: string
  /** Whether the process that was started last is still there. */
  readonly isAlive: () => boolean
  /** Everything it has printed so far. */
  readonly printed: () => string
  /** SIGTERM, and the wait until the process is gone. */
  stop(): Promise<void>
  /** `kill -9`, and the wait until the process is gone. */
  kill(): Promise<void>
  /** Starts it again with the same data and port. */
  start(): Promise<void>
  /** Has a new process take over; resolves when it serves. */
  reload(): Promise<void>
}

const freePort = createPorts()

/** Starts `novacast serve` with the nova.conf of this Nova and these lines of `[novacast]`; it is gone after the test. */
export async function startNovacast({ confFile }: Nova, options = ''): Promise<Novacast> {
  const folder = mkdtempSync(join(tmpdir(), 'novacast-faults-'))
  const conf = join(folder, 'novacast.conf')
  writeFileSync(conf, `[novacast]\n${options}`)
  const where = ['--data-dir', folder, '--port', String(await freePort())]
  const args = ['serve', '--config-file', confFile, '--config-file', conf, ...where]
  let life = await beginLife(args)
  const { url } = life
  let before = ''
  onTestFinished(async () => {
    await life.end('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    url,
    isAlive: () => life.isAlive(),
    printed: () => before + life.printed(),
    stop: () => life.end('SIGTERM'),
    kill: () => life.end('SIGKILL'),
    start: async () => {
      before += life.printed()
      life = await beginLife(args)
    },
    reload: () => life.reload(),
  }
}

/** Starts the command and waits until it listens. */
async function beginLife(args: readonly string[]) {
  const child = startCommand(args)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let printed = ''
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (piece: Buffer) => {
      printed += piece.toString()
      const found = /listens on (http:\/\/\S+)/.exec(printed)
      if (found?.[1] !== undefined) resolve(found[1])
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code) => reject(new Error(`novacast ended with ${code}: ${printed}`)))
  })
  return {
    url,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    printed: () => printed,
    reload: async () => {
      const taken = () => printed.split('serves from now on').length
      const before = taken()
      child.kill('SIGHUP')
      const isTaken = () => {
        if (printed.includes('this one goes on')) throw new Error(printed)
        return taken() > before || null
      }
      await waitFor('a new process', isTaken, 400_000)
    },
    end: async (signal: 'SIGTERM' | 'SIGKILL') => {
      child.kill(signal)
      await gone
    },
  }
}

/** What an operator can ask of it; closed after the test. */
export async function openClient({ url }: Pick<Novacast, 'url'>, keystone: Keystone): Promise<Client> {
  const client = createClient({ url, auth: staticToken(await keystone.token('admin')) })
  onTestFinished(() => client.close())
  return client
}

/** The stories of all events that match. */
export async function storiesOf(client: Client, filter: EventFilter): Promise<EventRecord[]> {
  const stories: EventRecord[] = []
  for await (const story of client.events.search(filter)) stories.push(story)
  return stories
}
