import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, type Client, type Delivery, type HostState, type NewEvent } from '../sdk/index.ts'
import { createDemoHost, type DemoHost } from './demo-host.ts'
import { type Columns, renderList } from './output.ts'
import { printable } from './printable.ts'
import type { Colour, Terminal } from './terminal.ts'

/** A server of the demonstration. */
export interface DemoServer {
  readonly name: string
  readonly uuid: string
}

/** Who plays, and what a chapter can do. Everything that happens is also printed. */
export interface Stage {
  readonly one: DemoHost
  readonly two: DemoHost
  readonly server: (name: string) => DemoServer
  /** Registers a server on a host, and where it moves to. */
  place(server: DemoServer, host: DemoHost, movingTo?: DemoHost): Promise<void>
  /** Sends an event, and pauses for a beat. */
  send(name: string, server: DemoServer, tag?: string): Promise<void>
  say(text: string): Promise<void>
  showHosts(): Promise<void>
  pause(beats: number): Promise<void>
}

/** What a stage is made of. */
export interface StageParts {
  readonly client: Client
  readonly terminal: Terminal
  readonly beatMs: number
  /** Ends every pause. */
  readonly signal: AbortSignal
}

const HOST_COLOURS: Readonly<Record<string, Colour>> = { 'compute-1': 'cyan', 'compute-2': 'magenta' }

const HOST_COLUMNS: Columns<HostState> = {
  host: (host) => host.host,
  connected: (host) => host.connected,
  pending: (host) => host.pending,
}

/** Two hosts and any number of servers, on a novacast of their own. */
export function createStage({ client, terminal, beatMs, signal }: StageParts): Stage {
  const servers = new Map<string, DemoServer>()
  const nameOf = (uuid: string) => [...servers.values()].find((server) => server.uuid === uuid)?.name ?? uuid
  const inColour = (host: string) => terminal.colour(HOST_COLOURS[host] ?? 'bold', host)
  const print = (text: string) => terminal.write(`  ${text}\n`)
  const pause = (beats: number) => sleep(beatMs * beats, undefined, { signal })

  // An event may be with its host before its sender has the answer; it reads better the other way round.
  let answering: Promise<unknown> = Promise.resolve()
  const createHost = (host: string) =>
    createDemoHost(client, host, async (delivery) => {
      const text = `${inColour(host)} got ${describe(delivery, nameOf)}  ${terminal.colour('dim', age(delivery))}`
      await answering
      await print(text)
    })
  const sendAndPrint = async (name: string, server: DemoServer, tag?: string) => {
    const code = await answerTo(client, { name, server_uuid: server.uuid, ...(tag === undefined ? {} : { tag }) })
    const answer = code === 200 ? terminal.colour('green', '200, accepted') : terminal.colour('red', `${code}, refused`)
    await print(`sent ${name} of ${server.name}: ${answer}`)
  }

  return {
    one: createHost('compute-1'),
    two: createHost('compute-2'),
    server: (name) => {
      const server = servers.get(name) ?? { name, uuid: crypto.randomUUID() }
      servers.set(name, server)
      return server
    },
    place: async ({ uuid, name }, host, movingTo) => {
      await client.servers.put(uuid, { host: host.name, moving_to: movingTo?.name ?? null, name })
      await print(
        `${name} is on ${inColour(host.name)}${movingTo === undefined ? '' : ` and moves to ${inColour(movingTo.name)}`}`,
      )
    },
    send: async (name, server, tag) => {
      const sending = sendAndPrint(name, server, tag)
      answering = sending.catch(() => {})
      await sending
      await pause(1)
    },
    say: (text) => terminal.write(`\n${terminal.colour('bold', text)}\n`),
    showHosts: async () => {
      const hosts: HostState[] = []
      for await (const host of client.hosts.list()) hosts.push(host)
      const table = await renderList('table', hosts, { columns: HOST_COLUMNS })
      for (const line of table.trimEnd().split('\n')) await print(line)
    },
    pause,
  }
}

/** The code of the answer: the event's own, or that of the request where it was refused as a whole. */
async function answerTo(client: Client, event: NewEvent): Promise<number> {
  try {
    const [outcome] = await client.sendEvents([event])
    return outcome?.code ?? 0
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return error.status
    throw error
  }
}

function describe({ name, server_uuid, tag }: Delivery, nameOf: (uuid: string) => string): string {
  return printable(`${name} of ${nameOf(server_uuid)}${tag === null ? '' : `, ${tag}`}`)
}

function age({ accepted_at }: Delivery): string {
  const ageMs = performance.timeOrigin + performance.now() - Date.parse(accepted_at)
  return `${Math.max(0, Math.round(ageMs))} ms after it was accepted`
}
