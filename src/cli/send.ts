import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { Command } from 'commander'
import { DEFAULT_MICROVERSION, type EventOutcome, type NewEvent } from '../sdk/index.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { SaidFailure, UsageError } from './failures.ts'
import type { Columns } from './output.ts'
import { type OutputOptions, printList, withOutput } from './output-options.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS: Columns<EventOutcome> = {
  name: (event) => event.name,
  server_uuid: (event) => event.server_uuid,
  status: (event) => event.status,
  tag: (event) => event.tag,
  code: (event) => event.code,
}

interface SendOptions extends ClientOptions, OutputOptions {
  readonly file?: string
  readonly tag?: string
  readonly status?: string
  readonly idempotencyKey?: string
  readonly microversion: string
}

/** `novacast send`: sends external events, as Neutron or Cinder would. Fails when one of them is refused. */
export function sendCommand(terminal: Terminal): Command {
  const command = new Command('send')
    .summary('send external events')
    .description('Sends one external event, or those of a file, and prints what became of each. Fails when one was refused.')
    .argument('[name]', 'what happened, such as network-changed')
    .argument('[server]', 'the uuid of the server it happened to')
    .option('--tag <tag>', 'what of the server it is about: a port, a volume')
    .option('--status <status>', 'completed, failed or in-progress')
    .option('--file <file>', 'a JSON file with a list of events, or {"events": […]}; - is standard input')
    .option('--idempotency-key <key>', 'a name of your own for this request: sent again with it, it is delivered once')
    .option('--microversion <version>', "the dialect of Nova's API; latest is the newest", DEFAULT_MICROVERSION)
    .addHelpText(
      'after',
      `
Examples:
  novacast send network-vif-plugged 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071 --tag 0d1e2f30-4152-4637-8899-aabbccddeeff
  echo '[{"name": "network-changed", "server_uuid": "2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071"}]' | novacast send --file -`,
    )
  withClient(withOutput(command, COLUMNS))
  return command.action(async (name: string | undefined, server: string | undefined, options: SendOptions) => {
    const events = await readEvents(terminal, name, server, options)
    const outcomes = await useClient(terminal, options, (client) =>
      client.sendEvents(events, {
        microversion: options.microversion,
        ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
      }),
    )
    await printList(terminal, options, outcomes, COLUMNS)
    const refused = outcomes.filter(({ code }) => code !== 200).length
    if (refused > 0) {
      terminal.say(
        `${refused} of ${outcomes.length} events refused (400: tag missing, 404: unknown server, 422: server without a host)`,
      )
      throw new SaidFailure()
    }
  })
}

async function readEvents(
  terminal: Terminal,
  name: string | undefined,
  server: string | undefined,
  { file, tag, status }: SendOptions,
): Promise<readonly NewEvent[]> {
  if (file !== undefined) {
    if (name !== undefined || tag !== undefined || status !== undefined)
      throw new UsageError('give either --file or one event with NAME and SERVER, not both')
    return parseEvents(file, file === '-' ? await readAll(terminal.stdin) : await readFile(file, 'utf8'))
  }
  if (name === undefined || server === undefined)
    throw new UsageError('give NAME and SERVER, or --file. See: novacast send --help')
  return [{ name, server_uuid: server, ...(status === undefined ? {} : { status }), ...(tag === undefined ? {} : { tag }) }]
}

/** The events of a file, unchecked but for being a list: it is the service that judges them. */
function parseEvents(file: string, json: string): readonly NewEvent[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new UsageError(`${file}: not JSON: ${error instanceof Error ? error.message : error}`)
  }
  const events = typeof value === 'object' && value !== null && 'events' in value ? value.events : value
  if (!Array.isArray(events)) throw new UsageError(`${file}: expected a list of events, or {"events": [...]}`)
  return events
}
