import { Command } from 'commander'
import { type ConfigOptions, readConnection, withConfig } from './config-options.ts'
import type { Terminal } from './terminal.ts'

/** `novacast db`: the journal's database. */
export function dbCommand(terminal: Terminal): Command {
  return new Command('db')
    .summary("look after the journal's database")
    .description("Looks after the journal's database, where [novacast] connection names one.")
    .addCommand(upgradeCommand(terminal))
}

function upgradeCommand(terminal: Terminal): Command {
  const command = new Command('upgrade')
    .description(
      "Brings the schema of the journal's database up to date. Before the first replica of a newer novacast starts; those of the older one may go on meanwhile. " +
        'Of what is configured it reads [novacast] connection: give it the file where that is.',
    )
    .addHelpText('after', '\nExample:\n  novacast db upgrade --config-file /etc/novacast/novacast.conf')
  return withConfig(command).action((options: ConfigOptions) => upgrade(terminal, options))
}

async function upgrade(terminal: Terminal, options: ConfigOptions): Promise<void> {
  const journal = await readConnection(terminal, options)
  // To say "nothing to do" would leave a shared database as it is where the file that names it was left out.
  if (journal === null)
    throw new Error(
      '[novacast] connection is not set here: there is no database to bring up to date, and a journal in a file is brought up to date at each start. ' +
        'Replicas share one? Give the file that names it: --config-file /etc/novacast/novacast.conf',
    )
  if (journal.kind === 'sqlite') {
    await terminal.write(`nothing to do: the journal is the file ${journal.file}, which is brought up to date at each start\n`)
    return
  }
  const { upgradeSqlJournal } = await import('../journal/sql/connect.ts')
  const applied = await upgradeSqlJournal(journal.url)
  await terminal.write(
    applied.length === 0 ? 'nothing to do: the schema is current\n' : applied.map((name) => `applied ${name}\n`).join(''),
  )
}
