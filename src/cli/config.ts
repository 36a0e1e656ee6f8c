import { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** `novacast config`: every option, with its default and what it is for. */
export function configCommand(terminal: Terminal): Command {
  return new Command('config')
    .summary('print a commented sample of the configuration')
    .description(
      'Prints every option with its default and what it is for, as a configuration file in which all is commented out.',
    )
    .addHelpText('after', '\nExample:\n  novacast config > novacast.conf')
    .action(async () => {
      const { renderSample } = await import('../config/sample.ts')
      await terminal.write(renderSample())
    })
}
