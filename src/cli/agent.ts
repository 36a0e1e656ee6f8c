import { Command, Option } from 'commander'
import type { Client, Delivery } from '../sdk/index.ts'
import { createAcks } from './agent-acks.ts'
import { execForDelivery } from './agent-exec.ts'
import { createLanes } from './agent-lanes.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { describeFailure, wholeNumber } from './failures.ts'
import { printable, printableJson } from './printable.ts'
import { listenForStop } from './signals.ts'
import { sayStatus } from './stream-status.ts'
import type { Terminal } from './terminal.ts'

interface AgentOptions extends ClientOptions {
  readonly exec?: string
  readonly concurrency: number
  readonly format: 'line' | 'json'
}

/** How long to go on trying to hand over the last acknowledgements. */
const GRACE_MS = 5000

/** `novacast agent`: stands in for a host: takes its events, prints them or runs a command for each, and acknowledges them. */
export function agentCommand(terminal: Terminal): Command {
  const command = new Command('agent')
    .summary("follow a host's events and act on them")
    .description(
      "Follows one host's events until interrupted, prints each or runs a command for it, and acknowledges it when that went well.",
    )
    .argument('<host>')
    .option('--exec <command>', 'run this command of the shell for each event instead of printing it')
    .addOption(new Option('--concurrency <number>', 'commands at a time').argParser(wholeNumber(1, 1000)).default(4))
    .addOption(
      new Option('-f, --format <format>', 'a line for people, or a JSON object a line').choices(['line', 'json']).default('line'),
    )
    .addHelpText(
      'after',
      `
A command gets the event as JSON on its standard input, and NOVACAST_EVENT_ID, _NAME, _STATUS, _TAG, _SERVER, _HOST, _ATTEMPT and
_REQUEST_ID. Exit code 0 acknowledges the event; after any other it is delivered again when its time-out is over. The events of one
server are dealt with one after another, in order. An event may come twice: its id stays the same.

Examples:
  novacast agent compute-1
  novacast agent compute-1 --exec 'jq -r .name; logger "$NOVACAST_EVENT_NAME of $NOVACAST_EVENT_SERVER"'`,
    )
  return withClient(command).action((host: string, options: AgentOptions) =>
    useClient(terminal, options, (client) => runAgent(terminal, client, host, options)),
  )
}

async function runAgent(terminal: Terminal, client: Client, host: string, options: AgentOptions): Promise<void> {
  const stop = listenForStop(terminal)
  const acks = createAcks({
    send: (ids) => client.hosts.ack(host, ids),
    onRefused: (error) => terminal.say(`could not acknowledge: ${describeFailure(error)}`),
  })
  const lanes = createLanes({
    concurrency: options.exec === undefined ? 1 : options.concurrency,
    handle: (delivery) => handle(terminal, { ...delivery, host }, options),
    onHandled: ({ id }) => acks.add(id),
  })
  const onStatus = sayStatus(terminal, 'events wait for this host meanwhile', `following ${host} at ${options.url}`)
  try {
    for await (const delivery of client.hosts.follow(host, { signal: stop.signal, onStatus })) lanes.add(delivery)
  } finally {
    await lanes.stop()
    const isClean = await acks.finish(GRACE_MS)
    stop.dispose()
    if (!isClean) terminal.say('some events could not be acknowledged; they will be delivered again')
  }
}

async function handle(
  terminal: Terminal,
  delivery: Delivery & { readonly host: string },
  options: AgentOptions,
): Promise<boolean> {
  if (options.exec === undefined) {
    await terminal.write(render(delivery, options.format))
    return true
  }
  const result = await execForDelivery(options.exec, delivery, terminal.environment)
  if (result.kind === 'done') return true
  terminal.say(
    `event ${delivery.id} (${delivery.name}, attempt ${delivery.attempt}): the command ${result.reason}; it will come again`,
  )
  return false
}

function render(delivery: Delivery, format: AgentOptions['format']): string {
  if (format === 'json') return `${printableJson(JSON.stringify(delivery))}\n`
  const { accepted_at, name, status, server_uuid, tag, id, attempt } = delivery
  const about = tag === null ? '' : ` tag ${tag}`
  const again = attempt === 1 ? '' : ` (attempt ${attempt})`
  return `${printable(`${accepted_at}  ${name} ${status} of server ${server_uuid}${about}  ${id}${again}`)}\n`
}
