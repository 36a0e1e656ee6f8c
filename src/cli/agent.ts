import { Command, Option } from 'commander'
import type { Client, Delivery, Receipt } from '../sdk/index.ts'
import { createAcks } from './agent-acks.ts'
import { execForDelivery } from './agent-exec.ts'
import { createLanes } from './agent-lanes.ts'
import { createTries, type Tries } from './agent-tries.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { describeFailure, wholeNumber } from './failures.ts'
import { printable, printableJson } from './printable.ts'
import { listenForStop } from './signals.ts'
import { sayStatus } from './stream-status.ts'
import type { Terminal } from './terminal.ts'

interface AgentOptions extends ClientOptions {
  readonly exec?: string
  readonly concurrency: number
  readonly tries: number
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
      new Option('--tries <number>', 'report an event as failed when its command failed so often; 0: leave that to the service')
        .argParser(wholeNumber(0, 1_000_000))
        .default(10),
    )
    .addOption(
      new Option('-f, --format <format>', 'a line for people, or a JSON object a line').choices(['line', 'json']).default('line'),
    )
    .addHelpText(
      'after',
      `
A command gets the event as JSON on its standard input, and NOVACAST_EVENT_ID, _NAME, _STATUS, _TAG, _SERVER, _HOST, _ATTEMPT and
_REQUEST_ID. Exit code 0 reports the event as applied. After any other it is delivered again when its time-out is over (30 s), and
nothing of its server passes it meanwhile; after --tries in vain it is reported as failed, with the exit code, and does not come
again. The sender can read either: novacast events show. The events of one server are dealt with one after another, in order. An
event may come twice: its id stays the same. Without --exec events are acknowledged, which says nothing of what came of them.

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
  const tries = createTries(options.tries)
  const acks = createAcks({
    send: (receipts) =>
      options.exec === undefined
        ? client.hosts.ack(
            host,
            receipts.map(({ id }) => id),
          )
        : client.hosts.report(host, receipts),
    onRefused: (error) => terminal.say(`could not acknowledge: ${describeFailure(error)}`),
  })
  const lanes = createLanes({
    concurrency: options.exec === undefined ? 1 : options.concurrency,
    handle: (delivery) => handle({ ...delivery, host }, { terminal, options, tries }),
    onHandled: acks.add,
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

interface HandleParts {
  readonly terminal: Terminal
  readonly options: AgentOptions
  readonly tries: Tries
}

/** Prints a delivery or runs the command for it. Null: it is to come again. */
async function handle(
  delivery: Delivery & { readonly host: string },
  { terminal, options, tries }: HandleParts,
): Promise<Receipt | null> {
  const { id, name, attempt } = delivery
  if (options.exec === undefined) {
    await terminal.write(render(delivery, options.format))
    return { id, result: 'applied' }
  }
  const result = await execForDelivery(options.exec, delivery, terminal.environment)
  if (result.kind === 'done') return { id, result: 'applied' }
  const { count, isLast } = tries.failed(id)
  const next = isLast ? 'it is reported as failed' : 'it will come again'
  terminal.say(`event ${id} (${name}, attempt ${attempt}): the command ${result.reason}; ${next}`)
  return isLast ? { id, result: 'failed', reason: reasonOf(result.reason, count) } : null
}

/** As long as the service takes it. */
function reasonOf(last: string, count: number): string {
  const times = count === 1 ? '' : `, the last of ${count} tries`
  return `the command ${last.slice(0, 900).toWellFormed()}${times}`
}

function render(delivery: Delivery, format: AgentOptions['format']): string {
  if (format === 'json') return `${printableJson(JSON.stringify(delivery))}\n`
  const { accepted_at, name, status, server_uuid, tag, id, attempt } = delivery
  const about = tag === null ? '' : ` tag ${tag}`
  const again = attempt === 1 ? '' : ` (attempt ${attempt})`
  return `${printable(`${accepted_at}  ${name} ${status} of server ${server_uuid}${about}  ${id}${again}`)}\n`
}
