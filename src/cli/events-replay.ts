import { Command, Option } from 'commander'
import type { Client, ReplayedEvent, ReplayFilter } from '../sdk/index.ts'
import { newRunId } from '../sdk/replay.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { SaidFailure, UsageError, wholeNumber } from './failures.ts'
import { printable, printableJson } from './printable.ts'
import { startReplayProgress } from './replay-progress.ts'
import type { Terminal } from './terminal.ts'

interface ReplayCommandOptions extends ClientOptions, Omit<ReplayFilter, 'request_id'> {
  readonly requestId?: string
  readonly dryRun: boolean
  readonly run?: string
  readonly format: 'line' | 'json'
}

/** `novacast events replay`: delivers again what had ended. */
export function replayCommand(terminal: Terminal): Command {
  const command = new Command('replay')
    .summary('deliver again what had ended')
    .description(
      'Delivers events again that had ended, however they ended: as new events, to where their servers are now, the oldest first.',
    )
    .argument('[ids...]', 'these events; without, all that the filters find')
    .option('--server <uuid>', 'of this server')
    .option('--host <host>', 'that had a delivery to this host')
    .option('--name <name>', 'such as network-changed')
    .option('--tag <tag>', 'about this port, volume, …')
    .option('--request-id <id>', "novacast's request id, or the sender's")
    .addOption(new Option('--code <code>', 'told the sender').argParser(wholeNumber(100, 599)))
    .option('--state <state>', 'with a delivery that is expired, failed, superseded, acknowledged or dispatched')
    .option('--since <time>', 'received at or after this time (ISO 8601)')
    .option('--until <time>', 'received before this time (ISO 8601)')
    .option('--dry-run', 'only show what would be replayed', false)
    .option('--run <id>', 'go on with a replay that was interrupted, without replaying anything twice')
    .addOption(
      new Option('-f, --format <format>', 'a line for people, or a JSON object a line').choices(['line', 'json']).default('line'),
    )
    .addHelpText(
      'after',
      `
Left out, each with the reason, is what still has a delivery to be made, and what has a server that is unknown or on no host. On
a terminal a real run shows a bar instead of a line for each event; --dry-run, or standard output into a file, shows every one.
Exit code 1: it did not come to its end, or an event that was named was left out.

Examples:
  novacast events replay --host compute-1 --state expired --since 2026-11-24T10:00:00Z --dry-run
  novacast events replay 019ab5c1-8f6e-7a11-b9c3-5d2f60a1e7c4`,
    )
  return withClient(command).action((ids: string[], options: ReplayCommandOptions) =>
    useClient(terminal, options, (client) => replay(terminal, client, ids, options)),
  )
}

async function replay(terminal: Terminal, client: Client, ids: readonly string[], options: ReplayCommandOptions): Promise<void> {
  const filter = toFilter(options)
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  if (ids.length > 0 === isFiltered)
    throw new UsageError('give either ids of events or filters, such as --host compute-1 --state expired')
  const { dryRun, run = newRunId() } = options
  const counts = createCounts()
  const isQuiet = !dryRun && terminal.isWatched
  const progress = await startReplayProgress(terminal, { isShown: !dryRun, untilMs: Date.parse(options.until ?? '') })
  const about = { dryRun, run, onTrouble: (error: Error) => progress.say(`${error.message}; trying again`) }
  try {
    for await (const event of ids.length > 0 ? each(client, ids, about) : client.events.replayAll(filter, about)) {
      counts.add(event)
      progress.update(event, counts)
      if (!isQuiet) await terminal.write(render(event, options))
    }
  } catch (error) {
    progress.stop(false)
    terminal.say(`${counts.summary(dryRun)} before it was interrupted; go on with the same command and --run ${run}`)
    throw error
  }
  progress.stop(true)
  terminal.say(counts.summary(dryRun))
  if (!dryRun && counts.replayed > 0) terminal.say(`what becomes of them: novacast events list --request-id ${run}`)
  if (ids.length > 0 && counts.leftOut > 0) throw new SaidFailure()
}

async function* each(client: Client, ids: readonly string[], options: Parameters<Client['events']['replay']>[1]) {
  for (const id of ids) yield await client.events.replay(id, options)
}

function toFilter({ server, host, name, tag, requestId, code, state, since, until }: ReplayCommandOptions): ReplayFilter {
  return { server, host, name, tag, request_id: requestId, code, state, since, until }
}

/** What became of how many. */
export interface ReplayCounts {
  readonly replayed: number
  readonly leftOut: number
  add(event: ReplayedEvent): void
  summary(isDry: boolean): string
}

/** Reasons that are told apart; they are few, but may name hosts. */
const MOST_REASONS = 10

function createCounts(): ReplayCounts {
  const reasons = new Map<string, number>()
  let replayed = 0
  let leftOut = 0
  return {
    get replayed() {
      return replayed
    },
    get leftOut() {
      return leftOut
    },
    add: ({ result, reason }) => {
      if (result === 'replayed') replayed++
      else {
        leftOut++
        const known = reasons.size < MOST_REASONS || reasons.has(reason ?? '') ? (reason ?? '') : 'other reasons'
        reasons.set(known, (reasons.get(known) ?? 0) + 1)
      }
    },
    summary: (isDry) => {
      const why = [...reasons].map(([reason, count]) => `${count} because ${reason}`).join(', ')
      return `${replayed} ${isDry ? 'would be ' : ''}replayed, ${leftOut} left out${why && `: ${why}`}`
    },
  }
}

function render(event: ReplayedEvent, { format, dryRun }: ReplayCommandOptions): string {
  if (format === 'json') return `${printableJson(JSON.stringify({ ...event, dry_run: dryRun }))}\n`
  const tag = event.tag === null ? '' : ` tag ${event.tag}`
  return `${printable(`${event.received_at}  ${event.id} ${event.name} of server ${event.server_uuid}${tag}: ${fateOf(event, dryRun)}`)}\n`
}

function fateOf({ result, replay, hosts, reason }: ReplayedEvent, isDry: boolean): string {
  if (result !== 'replayed') return `left out, ${reason ?? ''}`
  const as = replay === null ? '' : ` as ${replay}`
  const where = hosts.length === 0 ? '' : ` to ${hosts.join(', ')}`
  return `${isDry ? 'would be replayed' : 'replayed'}${as}${where}${reason === null ? '' : `, ${reason}`}`
}
