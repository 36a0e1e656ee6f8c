import { open } from 'node:fs/promises'
import { Command } from 'commander'
import { type ClientOptions, useClient, withClient } from './client-options.ts'
import type { Columns } from './output.ts'
import { type OutputOptions, printOne, withOutput } from './output-options.ts'
import { startProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS: Columns<{ readonly imported: number }> = { imported: (done) => done.imported }

/** `novacast servers import`: any number of servers in one go, in bounded memory. */
export function importCommand(terminal: Terminal): Command {
  const command = new Command('import')
    .description('Registers servers from newline-delimited JSON, all of them or, when a line is bad, none.')
    .argument('<file>', '- is standard input')
    .addHelpText(
      'after',
      `
A line is {"uuid": "…", "host": "compute-1"} and may have "moving_to", "project_id" and "name".

Example:
  novacast servers import servers.ndjson`,
    )
  return withClient(withOutput(command, COLUMNS)).action((path: string, options: ClientOptions & OutputOptions) =>
    useClient(terminal, options, async (client) => {
      const source = await openSource(terminal, path)
      const progress = await startProgress(terminal, source.size)
      const done = await client.servers.import(source.pieces, { onProgress: progress.update }).finally(progress.stop)
      await printOne(terminal, options, { imported: done }, COLUMNS)
    }),
  )
}

interface Source {
  readonly pieces: AsyncIterable<Uint8Array | string>
  /** In bytes; null where that cannot be told. */
  readonly size: number | null
}

async function openSource(terminal: Terminal, path: string): Promise<Source> {
  if (path === '-') return { pieces: terminal.stdin, size: null }
  const file = await open(path)
  const facts = await file.stat()
  if (facts.isDirectory()) throw new Error(`${path} is a directory`)
  return { pieces: file.createReadStream(), size: facts.isFile() ? facts.size : null }
}
