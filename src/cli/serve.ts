import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { createLog } from '../observe/log.ts'
import { type ConfigOptions, readConfig, withConfig } from './config-options.ts'
import { quickStart } from './quick-start.ts'
import { listenForStop } from './signals.ts'
import { keepHeapSmall } from './small-heap.ts'
import type { Terminal } from './terminal.ts'

/** How long requests under way and deliveries get to come to an end. */
const STOP_MS = 10_000

/** `novacast serve`: runs the service until SIGINT or SIGTERM. */
export function serveCommand(terminal: Terminal): Command {
  const command = new Command('serve')
    .summary('run the service')
    .description(
      'Runs novacast until SIGINT or SIGTERM. Without configuration: on 127.0.0.1:8774, with data in ./novacast-data and the tokens of ' +
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
  keepHeapSmall()
  const stop = listenForStop(terminal)
  const config = await readConfig(terminal, options)
  // The service's parts are only loaded by those who run it: every other command starts faster without.
  const { assemble } = await import('../app.ts')
  const app = await assemble(config, createLog({ level: config.log.level }))
  try {
    const { url } = await app.listen()
    const isEmbedded = config.identity === 'noauth' && config.servers === 'registry'
    await terminal.write(`novacast listens on ${url}\nIts data is in ${config.dataDir}\n${isEmbedded ? quickStart(url) : ''}`)
    await aborted(stop.signal)
    terminal.say('stopping')
  } finally {
    await Promise.race([app.close(), giveUp(terminal)])
    stop.dispose()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Ends the process when stopping takes too long: what was accepted is on disk and goes out after the next start. */
async function giveUp(terminal: Terminal): Promise<void> {
  await sleep(STOP_MS, undefined, { ref: false })
  terminal.say(`not everything came to an end within ${STOP_MS / 1000} s`)
  terminal.exit(1)
}
