import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/loopback.ts'
import { createLog } from '../observe/log.ts'
import type { ListenAt, Service } from '../service.ts'
import { type ConfigOptions, readConfig, withConfig } from './config-options.ts'
import { fitHeap } from './fit-heap.ts'
import { quickStart } from './quick-start.ts'
import { findPredecessor, type Orders, type Predecessor } from './serve-predecessor.ts'
import { type GivenSocket, takeActivatedSocket } from './serve-socket.ts'
import { createSuccession, type SuccessionParts } from './serve-succession.ts'
import { listenForReload, listenForStop } from './signals.ts'
import type { Terminal } from './terminal.ts'

/** How long requests under way and deliveries get to come to an end, once load balancers have noticed. */
const STOP_MS = 25_000

/** `novacast serve`: runs the service until SIGINT or SIGTERM. */
export function serveCommand(terminal: Terminal): Command {
  const command = new Command('serve')
    .summary('run the service')
    .description(
      'Runs novacast until SIGINT or SIGTERM. SIGHUP has a new process take over, with what is installed and configured then, without a request ' +
        'lost. Without configuration: on 127.0.0.1:8774, with data in ./novacast-data and the tokens of ' +
        "Nova's noauth2.",
    )
    .addHelpText(
      'after',
      `
Every option is also a NOVACAST_… variable of the environment; flags come first, then variables, then files.

Examples:
  novacast serve
  novacast serve --config-file /etc/nova/nova.conf --config-dir /etc/novacast`,
    )
  return withConfig(command).action((options: ConfigOptions) => serve(terminal, options))
}

async function serve(terminal: Terminal, options: ConfigOptions): Promise<void> {
  const predecessor = findPredecessor(process)
  try {
    await live(terminal, options, predecessor)
  } finally {
    predecessor?.part()
  }
}

async function live(terminal: Terminal, options: ConfigOptions, predecessor: Predecessor | null): Promise<void> {
  const stop = listenForStop(terminal)
  const activated = takeActivatedSocket(process.env, process.pid)
  const config = await readConfig(terminal, options)
  fitHeap(config.cast)
  // The service's parts are only loaded by those who run it: every other command starts faster without.
  const { createService } = await import('../service.ts')
  const log = createLog({ level: config.log.level })
  const journalIsFree = predecessor?.journalIsFree ?? (async () => {})
  const service = await createService({ config, log, journalIsFree })
  const socket = predecessor?.socket ?? activated
  const at: ListenAt =
    socket !== null ? guard(socket, config) : { kind: 'address', host: config.listen.host, port: config.listen.port }
  const succession = createSuccession({
    own: toIncumbent(service, terminal),
    command: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    environment: process.env,
    say: terminal.say,
  })
  let code: number | null = null
  const end = async () => {
    const ended = await succession.stop()
    code ??= ended
  }
  try {
    const { url } = await service.listen(at)
    // Before anybody hears that it serves: until then a SIGHUP ends it.
    listenForReload(() => {
      // Whoever started this process sees to that.
      if (predecessor === null) void succession.replace()
    })
    if (predecessor === null) await greet(terminal, config, url)
    else predecessor.serving(ordersFor(service, terminal, stop.request))
    code = await Promise.race([aborted(stop.signal), succession.lost])
    terminal.say(code === null ? 'stopping' : `the process that served has ended with exit code ${code}; stopping`)
  } finally {
    await Promise.race([end(), giveUp(terminal, config.listen.drainMs + STOP_MS)])
    stop.dispose()
  }
  if (code !== null && code !== 0) terminal.exit(code)
}

/** Where a socket of systemd listens its unit says, not the configuration, which refuses noauth beyond this machine: so does this. */
function guard(socket: GivenSocket, { identity, listen }: Config): ListenAt {
  if (identity !== 'noauth' || listen.insecureNoauth) return socket
  const objectionTo = (address: string) =>
    isLoopback(address)
      ? null
      : `the socket that was handed over listens on ${address}: expected an address of this machine alone, like ListenStream=127.0.0.1:8774, ` +
        'because identity is noauth and lets anyone do anything; configure Keystone, or set insecure_noauth (--insecure-noauth) where only ' +
        'friends can reach it'
  return { ...socket, objectionTo }
}

async function greet(terminal: Terminal, { identity, servers, journal }: Config, url: string): Promise<void> {
  const isEmbedded = identity === 'noauth' && servers === 'registry'
  const place = journal.kind === 'sqlite' ? journal.file : 'the database of [novacast] connection'
  await terminal.write(`novacast listens on ${url}\nIts journal is in ${place}\n${isEmbedded ? quickStart(url) : ''}`)
}

function toIncumbent({ server, letGo, resume, leave, stop }: Service, terminal: Terminal): SuccessionParts['own'] {
  // Another one serves: what is wrong here must not end it.
  return { socket: async () => server, letGo, resume, leave: () => void leave().catch(notInOrder(terminal)), stop }
}

/** A process that has left ends when nothing comes over its connections any more. */
function ordersFor({ server, letGo, resume, leave }: Service, terminal: Terminal, stop: () => void): Orders {
  const end = (error: unknown) => {
    terminal.say(`this process cannot go on: ${error instanceof Error ? error.message : error}`)
    terminal.exit(1)
  }
  return {
    server,
    letGo: () => letGo().catch(end),
    resume: () => resume().catch(end),
    leave: () => leave().catch(notInOrder(terminal)).then(stop),
    stop,
  }
}

function notInOrder(terminal: Terminal): (error: unknown) => void {
  return (error) => terminal.say(`this process did not leave in good order: ${error instanceof Error ? error.message : error}`)
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}

/** Ends the process when stopping takes too long: what was accepted is on disk and goes out after the next start. */
async function giveUp(terminal: Terminal, afterMs: number): Promise<void> {
  await sleep(afterMs, undefined, { ref: false })
  terminal.say(`not everything came to an end within ${afterMs / 1000} s`)
  terminal.exit(1)
}
