import { Command, Option } from 'commander'
import type { EventFilter, EventRecord, Happening } from '../sdk/index.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { printable, printableJson } from './printable.ts'
import { listenForStop } from './signals.ts'
import { sayStatus } from './stream-status.ts'
import type { Terminal } from './terminal.ts'

type TailOptions = ClientOptions & Pick<EventFilter, 'server' | 'host' | 'name'> & { readonly format: 'line' | 'json' }

/** `novacast events tail`: what happens now, a line each. */
export function tailCommand(terminal: Terminal): Command {
  const command = new Command('tail')
    .description('Shows what happens, as it happens, until interrupted.')
    .option('--server <uuid>', 'only of this server')
    .option('--host <host>', 'only deliveries to this host')
    .option('--name <name>', 'only events of this name')
    .addOption(
      new Option('-f, --format <format>', 'a line for people, or a JSON object a line').choices(['line', 'json']).default('line'),
    )
    .addHelpText('after', '\nExample:\n  novacast events tail --host compute-1')
  return withClient(command).action((options: TailOptions) =>
    useClient(terminal, options, async (client) => {
      const stop = listenForStop(terminal)
      const filter = { server: options.server, host: options.host, name: options.name }
      const following = { signal: stop.signal, onStatus: sayStatus(terminal, 'what happens meanwhile is not shown') }
      for await (const happening of client.events.tail(filter, following))
        await terminal.write(render(terminal, happening, options.format))
      stop.dispose()
    }),
  )
}

function render(terminal: Terminal, happening: Happening, format: TailOptions['format']): string {
  if (format === 'json') return `${printableJson(JSON.stringify(happening))}\n`
  switch (happening.kind) {
    case 'accepted':
      return `${happening.event.received_at}  ${describeEvent(terminal, happening.event)}\n`
    case 'dispatched':
      return line(happening.at, terminal.colour('cyan', 'dispatched  '), `${happening.id} to ${happening.host}`)
    case 'acknowledged': {
      const what = happening.receipt?.result === 'applied' ? 'applied     ' : 'acknowledged'
      return line(happening.at, terminal.colour('green', what), `${happening.id} by ${happening.host}`)
    }
    case 'returned':
      return line(happening.at, terminal.colour('yellow', 'returned    '), `${happening.id} from ${happening.host}`)
    case 'rejected':
      return line(happening.at, terminal.colour('yellow', 'rejected    '), `${happening.id} by ${happening.host}`)
    case 'expired':
      return line(happening.at, terminal.colour('red', 'expired     '), `${happening.id} for ${happening.host}`)
    case 'failed':
      return line(happening.at, terminal.colour('red', 'failed      '), `${happening.id} ${failureOf(happening)}`)
    case 'superseded':
      return line(happening.at, terminal.colour('cyan', 'superseded  '), `${happening.id} for ${happening.host}`)
    case 'moved':
      return line(happening.at, terminal.colour('cyan', 'moved       '), `${happening.id} away from ${happening.host}`)
    case 'dropped':
      return `${terminal.colour('yellow', `… ${happening.count} more that could not be shown in time`)}\n`
  }
}

/** Where it failed, and why where the host says so. */
function failureOf({ host, receipt }: Extract<Happening, { readonly host: string }>): string {
  return receipt === null ? `for ${host}` : `on ${host}: ${receipt.reason}`
}

const line = (at: string, what: string, rest: string) => `${printable(at)}  ${what}  ${printable(rest)}\n`

function describeEvent(terminal: Terminal, event: EventRecord): string {
  const isAccepted = event.code === 200
  const what = isAccepted ? terminal.colour('bold', 'accepted    ') : terminal.colour('red', `refused ${event.code} `)
  const tag = event.tag === null ? '' : ` tag ${event.tag}`
  return `${what}  ${printable(`${event.id} ${event.name} ${event.status} of server ${event.server_uuid}${tag}${whereTo(event)}`)}`
}

function whereTo({ deliveries, deferral }: EventRecord): string {
  if (deferral?.state === 'parked') return `, kept: ${deferral.reason}`
  if (deferral !== null) return `, to be located: ${deferral.reason}`
  const hosts = deliveries.map(({ host }) => host).join(', ')
  return hosts && ` for ${hosts}`
}
