import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import type { CheckLine } from '../observe/check-line.ts'
import { checkListen } from './check-listen.ts'
import { checkNova } from './check-nova.ts'
import { type ConfigOptions, readConfig, withConfig } from './config-options.ts'
import { SaidFailure } from './failures.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** `novacast check`: whether everything that is configured can be reached. */
export function checkCommand(terminal: Terminal): Command {
  const command = new Command('check')
    .summary('prove that what is configured can be reached')
    .description(
      'Looks at everything that is configured and says in a line each whether it works, or what is wrong and how to mend it. ' +
        'Give it what serve is given. It leaves nothing behind.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  novacast check --config-file /etc/nova/nova.conf --config-file /etc/novacast/novacast.conf',
    )
  return withConfig(command).action((options: ConfigOptions) => check(terminal, options))
}

async function check(terminal: Terminal, options: ConfigOptions): Promise<void> {
  let failed = 0
  for await (const line of look(terminal, options)) {
    if (!line.ok) failed++
    await terminal.write(render(terminal, line))
  }
  if (failed > 0) throw new SaidFailure()
}

/** Line by line, so that what is quick to tell does not wait for what takes its time. */
async function* look(terminal: Terminal, options: ConfigOptions): AsyncGenerator<CheckLine> {
  const name = 'configuration'
  let config: Config
  try {
    config = await readConfig(terminal, options)
  } catch (error) {
    const mend = 'novacast config prints every option with what it takes'
    for (const detail of problemsOf(error)) yield { name, ok: false, detail, mend }
    return
  }
  yield { name, ok: true, detail: describeConfig(config), mend: null }
  yield* await (await import('../policy/check.ts')).checkPolicy(config.policy)
  if (config.keystone !== null) yield* await (await import('../identity/keystone/check.ts')).checkKeystone(config.keystone)
  if (config.journal.kind === 'sqlite')
    yield* (await import('../journal/sqlite/check.ts')).checkSqliteJournal(config.journal.file)
  else yield* await (await import('../journal/sql/check.ts')).checkSqlJournal(config.journal.url)
  if (config.servers === 'nova') yield* checkNova(config.nova, config.cast === 'rabbitmq')
  yield await checkListen(config.listen.host, config.listen.port)
}

/** Each by itself: of a configuration all is said at once. */
function problemsOf(error: unknown): readonly string[] {
  return error instanceof ConfigError ? error.problems : [error instanceof Error ? error.message : String(error)]
}

function describeConfig({ identity, servers, cast, journal }: Config): string {
  return `identity ${identity}, servers ${servers}, cast ${cast}, journal ${journal.kind === 'sqlite' ? journal.file : 'in a database'}`
}

function render(terminal: Terminal, { name, ok, detail, mend }: CheckLine): string {
  const verdict = ok ? terminal.colour('green', 'ok   ') : terminal.colour('red', 'wrong')
  return `${verdict}  ${printable(`${name}: ${detail}${mend === null ? '' : `. To mend it: ${mend}`}`)}\n`
}
