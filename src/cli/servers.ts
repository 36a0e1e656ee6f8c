import { Command } from 'commander'
import type { Client, RegisteredServer, ServerFields } from '../sdk/index.ts'
import { ApiError } from '../sdk/index.ts'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import { limitOption, sayIfMore, takeLimited } from './limit.ts'
import type { Columns } from './output.ts'
import { type OutputOptions, printList, printOne, withOutput } from './output-options.ts'
import { importCommand } from './servers-import.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS: Columns<RegisteredServer> = {
  uuid: (server) => server.uuid,
  host: (server) => server.host,
  moving_to: (server) => server.moving_to,
  project_id: (server) => server.project_id,
  name: (server) => server.name,
  updated_at: (server) => server.updated_at,
}

type CommonOptions = ClientOptions & OutputOptions

/** `novacast servers`: the registry of which server is on which host. */
export function serversCommand(terminal: Terminal): Command {
  return new Command('servers')
    .summary('which server is on which host')
    .description('The registry: which server is on which host.')
    .addCommand(listCommand(terminal))
    .addCommand(showCommand(terminal))
    .addCommand(setCommand(terminal))
    .addCommand(deleteCommand(terminal))
    .addCommand(importCommand(terminal))
}

function listCommand(terminal: Terminal): Command {
  const command = new Command('list')
    .description('Lists servers by uuid.')
    .option('--host <host>', 'only those on this host, or moving to it')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  novacast servers list --host compute-1 -f value -c uuid')
  return withClient(withOutput(command, COLUMNS)).action(
    (options: CommonOptions & { readonly host?: string; readonly limit: number }) =>
      useClient(terminal, options, async (client) => {
        const taken = await takeLimited(options.limit, (limit) => client.servers.list({ limit, host: options.host }))
        await printList(terminal, options, taken.items, COLUMNS)
        sayIfMore(terminal, taken)
      }),
  )
}

function showCommand(terminal: Terminal): Command {
  const command = new Command('show')
    .description('Shows one server.')
    .argument('<uuid>')
    .addHelpText('after', '\nExample:\n  novacast servers show 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071 -f json')
  return withClient(withOutput(command, COLUMNS)).action((uuid: string, options: CommonOptions) =>
    useClient(terminal, options, async (client) => printOne(terminal, options, await client.servers.get(uuid), COLUMNS)),
  )
}

interface SetOptions extends CommonOptions {
  /** false: `--no-host`. */
  readonly host?: string | false
  readonly movingTo?: string | false
  readonly projectId?: string
  readonly name?: string
}

function setCommand(terminal: Terminal): Command {
  const command = new Command('set')
    .description('Registers a server, or changes what is said of it; what is not said stays as it is.')
    .argument('<uuid>')
    .option('--host <host>', 'the host it is on')
    .option('--no-host', 'it is on no host')
    .option('--moving-to <host>', 'the host it moves to: both get its events')
    .option('--no-moving-to', 'it does not move (any more)')
    .option('--project-id <id>', 'whose it is')
    .option('--name <name>', 'what people call it')
    .addHelpText(
      'after',
      `
Examples:
  novacast servers set 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071 --host compute-1 --name web-1
  novacast servers set 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071 --moving-to compute-2
  novacast servers set 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071 --host compute-2 --no-moving-to`,
    )
  return withClient(withOutput(command, COLUMNS)).action((uuid: string, options: SetOptions) =>
    useClient(terminal, options, async (client) => {
      const before = await knownFields(client, uuid)
      await printOne(terminal, options, await client.servers.put(uuid, { ...before, ...saidFields(options) }), COLUMNS)
    }),
  )
}

async function knownFields(client: Client, uuid: string): Promise<ServerFields> {
  try {
    const { host, moving_to, project_id, name } = await client.servers.get(uuid)
    return { host, moving_to, project_id, name }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return {}
    throw error
  }
}

function saidFields({ host, movingTo, projectId, name }: SetOptions): ServerFields {
  return {
    ...(host === undefined ? {} : { host: host === false ? null : host }),
    ...(movingTo === undefined ? {} : { moving_to: movingTo === false ? null : movingTo }),
    ...(projectId === undefined ? {} : { project_id: projectId }),
    ...(name === undefined ? {} : { name }),
  }
}

function deleteCommand(terminal: Terminal): Command {
  const command = new Command('delete')
    .description('Forgets servers. Their events are answered 404 from then on; what was accepted before is still delivered.')
    .argument('<uuid...>')
    .addHelpText('after', '\nExample:\n  novacast servers delete 2c3f4a5b-6d7e-4f80-9a1b-2c3d4e5f6071')
  return withClient(command).action((uuids: readonly string[], options: ClientOptions) =>
    useClient(terminal, options, async (client) => {
      for (const uuid of uuids) await client.servers.remove(uuid)
    }),
  )
}
