import { Command, Option } from 'commander'
import type { DeliveryRecord, EventFilter, EventRecord } from '../sdk/index.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { replayCommand } from './events-replay.ts'
import { tailCommand } from './events-tail.ts'
import { wholeNumber } from './failures.ts'
import { limitOption, sayIfMore, takeLimited } from './limit.ts'
import type { Columns } from './output.ts'
import { type OutputOptions, printList, printOne, withOutput } from './output-options.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS: Columns<EventRecord> = {
  id: (event) => event.id,
  received_at: (event) => event.received_at,
  name: (event) => event.name,
  server_uuid: (event) => event.server_uuid,
  status: (event) => event.status,
  tag: (event) => event.tag,
  code: (event) => event.code,
  deliveries: {
    data: (event) => event.deliveries.map((delivery) => ({ ...delivery, receipt: delivery.receipt && { ...delivery.receipt } })),
    text: (event) => event.deliveries.map(describeDelivery).join(', ') || deferralOf(event),
  },
  deferral: { data: ({ deferral }) => deferral && { ...deferral }, text: deferralOf },
  replay_of: (event) => event.replay_of,
  replays: {
    data: (event) => event.replays.map((replay) => ({ ...replay })),
    text: (event) => event.replays.map(({ id, at }) => `${id} at ${at}`).join(', '),
  },
  request_id: (event) => event.request_id,
  repeats: (event) => event.repeats,
  last_repeat_at: (event) => event.last_repeat_at,
  global_request_id: (event) => event.global_request_id,
  user_id: (event) => event.sender.user_id,
  user_name: (event) => event.sender.user_name,
  project_id: (event) => event.sender.project_id,
  microversion: (event) => event.microversion,
}

/** How a delivery stands, and what the host said of it. */
function describeDelivery({ host, state, receipt }: DeliveryRecord): string {
  if (receipt === null) return `${host}: ${state}`
  return `${host}: ${receipt.result}${receipt.reason === null ? '' : ` (${receipt.reason})`}`
}

/** How an event stands that could not be located at once; empty for all others. */
function deferralOf({ deferral }: EventRecord): string {
  return deferral === null ? '' : `${deferral.state} (${deferral.reason})`
}

/** What fits a line of a terminal, unless -c asks for others. */
const LISTED = ['id', 'name', 'server_uuid', 'tag', 'code', 'deliveries']

/** `novacast events`: what was accepted and what became of it. */
export function eventsCommand(terminal: Terminal): Command {
  return new Command('events')
    .summary('what was accepted, what became of it')
    .description('Events: what was accepted or refused, and what became of each delivery.')
    .addCommand(listCommand(terminal))
    .addCommand(showCommand(terminal))
    .addCommand(tailCommand(terminal))
    .addCommand(replayCommand(terminal))
}

type CommonOptions = ClientOptions & OutputOptions

interface ListOptions extends CommonOptions, Omit<EventFilter, 'request_id'> {
  readonly requestId?: string
  readonly limit: number
}

function listCommand(terminal: Terminal): Command {
  const command = new Command('list')
    .description('Searches events, the newest first. Every filter given must hold.')
    .option('--server <uuid>', 'of this server')
    .option('--host <host>', 'delivered, or to be delivered, to this host')
    .option('--name <name>', 'such as network-changed')
    .option('--tag <tag>', 'about this port, volume, …')
    .option('--request-id <id>', "novacast's request id, or the sender's")
    .addOption(new Option('--code <code>', 'told the sender: 200, 400, 404 or 422').argParser(wholeNumber(100, 599)))
    .option('--state <state>', 'with a delivery that is pending, dispatched, acknowledged, …')
    .option('--since <time>', 'received at or after this time (ISO 8601)')
    .option('--until <time>', 'received before this time (ISO 8601)')
    .addOption(new Option('--order <order>', 'which first').choices(['newest', 'oldest']).default('newest'))
    .addOption(limitOption())
    .addHelpText(
      'after',
      `
The table shows ${LISTED.join(', ')}; the other formats show everything; -c shows what you ask for.

Examples:
  novacast events list --host compute-1 --state pending
  novacast events list --server 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071 --since 2026-11-24T10:00:00Z -f json`,
    )
  return withClient(withOutput(command, COLUMNS)).action((options: ListOptions) =>
    useClient(terminal, options, async (client) => {
      const taken = await takeLimited(options.limit, (limit) => client.events.search(toFilter(options), { limit }))
      const column = options.column.length === 0 && options.format === 'table' ? LISTED : options.column
      await printList(terminal, { ...options, column }, taken.items, COLUMNS)
      sayIfMore(terminal, taken)
    }),
  )
}

function toFilter({ server, host, name, tag, requestId, code, state, since, until, order }: ListOptions): EventFilter {
  return { server, host, name, tag, request_id: requestId, code, state, since, until, order }
}

function showCommand(terminal: Terminal): Command {
  const command = new Command('show')
    .description('Shows one event with its deliveries.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  novacast events show 019ab5c1-8f6e-7a11-b9c3-5d2f60a1e7c4')
  return withClient(withOutput(command, COLUMNS)).action((id: string, options: CommonOptions) =>
    useClient(terminal, options, async (client) => printOne(terminal, options, await client.events.get(id), COLUMNS)),
  )
}
