import { Command } from 'commander'
import type { HostState } from '../sdk/index.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { limitOption, sayIfMore, takeLimited } from './limit.ts'
import type { Columns } from './output.ts'
import { type OutputOptions, printList, printOne, withOutput } from './output-options.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS: Columns<HostState> = {
  host: (host) => host.host,
  pending: (host) => host.pending,
  dispatched: (host) => host.dispatched,
  connected: (host) => host.connected,
  last_seen: (host) => host.last_seen,
}

type CommonOptions = ClientOptions & OutputOptions

/** `novacast hosts`: who is there, and what waits for whom. */
export function hostsCommand(terminal: Terminal): Command {
  return new Command('hosts')
    .summary('who is connected, what waits for whom')
    .description('Hosts: who is connected, and how many deliveries wait for whom.')
    .addCommand(listCommand(terminal))
    .addCommand(showCommand(terminal))
}

function listCommand(terminal: Terminal): Command {
  const command = new Command('list')
    .description('Lists hosts by name.')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  novacast hosts list -c host -c pending')
  return withClient(withOutput(command, COLUMNS)).action((options: CommonOptions & { readonly limit: number }) =>
    useClient(terminal, options, async (client) => {
      const taken = await takeLimited(options.limit, (limit) => client.hosts.list({ limit }))
      await printList(terminal, options, taken.items, COLUMNS)
      sayIfMore(terminal, taken)
    }),
  )
}

function showCommand(terminal: Terminal): Command {
  const command = new Command('show')
    .description('Shows one host.')
    .argument('<host>')
    .addHelpText('after', '\nExample:\n  novacast hosts show compute-1')
  return withClient(withOutput(command, COLUMNS)).action((host: string, options: CommonOptions) =>
    useClient(terminal, options, async (client) => printOne(terminal, options, await client.hosts.get(host), COLUMNS)),
  )
}
